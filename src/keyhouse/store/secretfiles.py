"""Peppers, master keys and the keys of audit seals: files of the data directory that no database and no backup of one holds.

    DATA/secrets/peppers.json        {"current": "pep_…", "by_id": {"pep_…": "<base64, 32 bytes>"}}
    DATA/secrets/master_keys.json    the same
    DATA/secrets/audit_keys.json     the same

The database knows each by id and fingerprint. A start that finds one missing or changed stops and changes nothing: a new one made
in its place would leave every key, or every upstream's secret, dead without a word.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from keyhouse.domain import base62
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store import files
from keyhouse.store.contract import KeyMaterial, MaterialKind, Store, Transaction

FOLDER = "secrets"
LENGTH = 32
_FINGERPRINTED = b"keyhouse: fingerprint of a pepper or master key"
_FILES = {
    MaterialKind.PEPPER: ("peppers.json", "pep_"),
    MaterialKind.MASTER_KEY: ("master_keys.json", "mk_"),
    MaterialKind.AUDIT_KEY: ("audit_keys.json", "aud_"),
}
_NAMES = {
    MaterialKind.PEPPER: "pepper",
    MaterialKind.MASTER_KEY: "master key",
    MaterialKind.AUDIT_KEY: "key of audit seals",
}


@dataclass(frozen=True, slots=True)
class KeySet:
    """Secret keys of 32 bytes by id; new things are made under `current`."""

    current: str
    by_id: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    peppers: KeySet
    master_keys: KeySet
    audit_keys: KeySet


def load_or_create(data_dir: Path, store: Store, now: int) -> Secrets:
    """The house's secret keys, made at its first start. `now` is Unix seconds.

    Raises `secrets_missing` if a file is absent, damaged, open to others, or lacks a key that the database knows.
    """
    folder = data_dir / FOLDER
    with files.locked(data_dir / files.LOCK_FILE):
        with store.read() as transaction:
            known = transaction.materials.all()
        found = {kind: _load_or_create(folder, kind, [m for m in known if m.kind is kind]) for kind in MaterialKind}
        _compare(folder, found, known)
        _register(folder, store, found, now)
    return Secrets(found[MaterialKind.PEPPER], found[MaterialKind.MASTER_KEY], found[MaterialKind.AUDIT_KEY])


def paths(data_dir: Path) -> list[Path]:
    """Where the files are, or should be."""
    return [data_dir / FOLDER / name for name, _ in _FILES.values()]


def fingerprint(key: bytes) -> str:
    """What the database keeps of a key, to know it again: nothing of the key can be told from it."""
    return hmac.digest(key, _FINGERPRINTED, "sha256").hex()


def _load_or_create(folder: Path, kind: MaterialKind, known: Sequence[KeyMaterial]) -> KeySet:
    name, prefix = _FILES[kind]
    path = folder / name
    if path.exists():
        return _load(path, kind)
    if known:
        _refuse(f"{path} is missing, and the database was written with it. Put back the copy from your backup.")
    files.make_private(folder, ())
    id_ = prefix + "".join(secrets.choice(base62.ALPHABET) for _ in range(12))
    keys = KeySet(id_, {id_: secrets.token_bytes(LENGTH)})
    _write(path, keys)
    return keys


def _load(path: Path, kind: MaterialKind) -> KeySet:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        _refuse(f"{path} can be read by others (mode {mode:04o}). Look who did, then run: chmod 600 {path}")
    try:
        content = json.loads(path.read_bytes())
        by_id = {str(id_): base64.b64decode(text, validate=True) for id_, text in content["by_id"].items()}
        keys = KeySet(str(content["current"]), by_id)
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}.")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        keys = KeySet("", {})
    if keys.current not in keys.by_id or any(len(key) != LENGTH for key in keys.by_id.values()):
        _refuse(f"{path} is damaged: it does not hold a {_NAMES[kind]}. Put back the copy from your backup.")
    return keys


def _compare(folder: Path, found: Mapping[MaterialKind, KeySet], known: Sequence[KeyMaterial]) -> None:
    for material in known:
        path, name = folder / _FILES[material.kind][0], _NAMES[material.kind]
        key = found[material.kind].by_id.get(material.id)
        if key is None:
            _refuse(f"{path} lacks the {name} '{material.id}', under which things in the database were made.")
        if not hmac.compare_digest(fingerprint(key), material.fingerprint):
            _refuse(f"The {name} '{material.id}' in {path} is not the one that the database was written with.")


def _register(folder: Path, store: Store, found: Mapping[MaterialKind, KeySet], now: int) -> None:
    """Notes in the database what it does not know yet."""
    ours = {(kind, id_): key for kind, keys in found.items() for id_, key in keys.by_id.items()}
    with store.read() as transaction:
        if ours.keys() <= _ids(transaction):
            return
    with store.write() as transaction:
        # Once more, now that nobody else writes: another machine may have been first.
        _compare(folder, found, transaction.materials.all())
        for kind, id_ in ours.keys() - _ids(transaction):
            transaction.materials.add(KeyMaterial(id_, kind, fingerprint(ours[kind, id_]), now))


def _ids(transaction: Transaction) -> set[tuple[MaterialKind, str]]:
    return {(material.kind, material.id) for material in transaction.materials.all()}


def _write(path: Path, keys: KeySet) -> None:
    """Whole or not at all: a temporary file, synced, then given its name."""
    by_id = {id_: base64.b64encode(key).decode() for id_, key in keys.by_id.items()}
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"current": keys.current, "by_id": by_id}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    files.sync_folder(path.parent)


def _refuse(message: str) -> NoReturn:
    # Raised from None: what went wrong while parsing may quote the file.
    raise KeyhouseError(ErrorCode.SECRETS_MISSING, message) from None
