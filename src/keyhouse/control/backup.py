"""A consistent copy of a running house in one file, and beside it what its secrets hang on, encrypted under a passphrase.

FILE            a tar of the databases and a manifest; worth nothing without peppers and master keys
FILE.secrets    those, as JSON sealed with AES-256-GCM under a key that scrypt derives from the passphrase
"""

from __future__ import annotations

import base64
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keyhouse.control.context import Control
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid

SecretFiles = Callable[[], Mapping[str, bytes]]
"""Reads the files of the data directory that hold peppers and master keys: name relative to it → content."""

MIN_PASSPHRASE = 12
_MAGIC = b"KEYHOUSE SECRETS 1\n"
_SALT, _NONCE = 16, 12
_MANIFEST = "keyhouse-backup.json"
_DATABASES = "databases/"


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    keyhouse: str
    created_at: int


def backup(control: Control, file: Path, secret_files: SecretFiles, passphrase: str) -> list[Path]:
    """Writes `file` and `file.secrets`, readable by their owner alone, and returns both. Others may write meanwhile.

    Raises `conflict` where one of them is there already, `invalid_value` for a short passphrase.
    """
    sealed_file = _beside(file)
    _check_passphrase(passphrase)
    for target in (file, sealed_file):
        if target.exists():
            raise KeyhouseError(ErrorCode.CONFLICT, f"'{target}' is there already; a backup never overwrites.")
    if not file.absolute().parent.is_dir():
        raise invalid("file", f"'{file.absolute().parent}' is not a folder.")
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".keyhouse-backup-") as name:
        folder = Path(name)
        (folder / "databases").mkdir()
        control.store.backup(folder / "databases")
        _write_tar(folder / "copy.tar", folder / "databases", control.clock())
        # Secrets are read after the databases: whatever pepper a copied row names is among them.
        _write(folder / "copy.secrets", _seal(secret_files(), passphrase))
        os.replace(folder / "copy.secrets", sealed_file)
        os.replace(folder / "copy.tar", file)
    return [file, sealed_file]


def restore(file: Path, data: Path, passphrase: str) -> None:
    """Fills an empty (or absent) data directory from a backup. Nothing is written unless the passphrase opens its secrets."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise KeyhouseError(ErrorCode.CONFLICT, f"'{data}' is not empty; a restore never overwrites.")
    secret_files = _unseal(_read(_beside(file)), passphrase)
    with _opened_tar(file) as archive:
        members = _checked_members(archive)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for member in members:
            content = archive.extractfile(member)
            if content is not None:
                _write_stream(data / _name_of(member), content)
    for name, secret in secret_files.items():
        _write(_inside(data, name), secret)


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".secrets")


def _check_passphrase(passphrase: str) -> None:
    if len(passphrase) < MIN_PASSPHRASE:
        raise invalid("passphrase", f"The passphrase must have at least {MIN_PASSPHRASE} characters.")


def _write_tar(target: Path, folder: Path, now: int) -> None:
    manifest = folder.parent / _MANIFEST
    _write(manifest, msgspec.json.encode(_Manifest(1, version("keyhouse"), now)))
    with os.fdopen(_new_file(target), "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as archive:
            archive.add(manifest, _MANIFEST)
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.add(path, _DATABASES + path.relative_to(folder).as_posix())
        out.flush()
        os.fsync(out.fileno())


def _opened_tar(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, mode="r:")
    except (OSError, tarfile.TarError):
        raise _no_backup(file) from None


def _checked_members(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """The database files. Anything that is no plain file under `databases/` makes the whole archive suspect."""
    manifest, *members = archive.getmembers() or [tarfile.TarInfo("")]
    content = archive.extractfile(manifest) if manifest.name == _MANIFEST and manifest.isfile() else None
    if content is None:
        raise _no_backup(Path(str(archive.name)))
    try:
        found = msgspec.json.decode(content.read(4096), type=_Manifest)
    except msgspec.MsgspecError:
        raise _no_backup(Path(str(archive.name))) from None
    if found.format != 1:
        raise invalid(
            "file", f"The backup was written by Keyhouse {found.keyhouse}, in a format that is newer than this one."
        )
    for member in members:
        if not member.isfile() or not member.name.startswith(_DATABASES) or not _is_below(_name_of(member)):
            raise _no_backup(Path(str(archive.name)))
    return members


def _name_of(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix(_DATABASES)


def _is_below(name: str) -> bool:
    """Whether a path stays in the folder that it is joined to."""
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _no_backup(file: Path) -> KeyhouseError:
    return invalid("file", f"'{file}' is not a backup of Keyhouse.")


def _seal(secret_files: Mapping[str, bytes], passphrase: str) -> bytes:
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    plain = msgspec.json.encode({name: base64.b64encode(content).decode() for name, content in secret_files.items()})
    head = _MAGIC + salt
    return head + nonce + AESGCM(_derived(passphrase, salt)).encrypt(nonce, plain, head)


def _unseal(sealed: bytes, passphrase: str) -> dict[str, bytes]:
    head, nonce, body = (
        sealed[: len(_MAGIC) + _SALT],
        sealed[len(_MAGIC) + _SALT :][:_NONCE],
        sealed[len(_MAGIC) + _SALT + _NONCE :],
    )
    if not head.startswith(_MAGIC) or len(nonce) < _NONCE:
        raise invalid("file", "The .secrets file is not one of Keyhouse.")
    try:
        plain = AESGCM(_derived(passphrase, head[len(_MAGIC) :])).decrypt(nonce, body, head)
    except InvalidTag:
        raise invalid("passphrase", "The passphrase is wrong, or the .secrets file was changed.") from None
    files = msgspec.json.decode(plain, type=dict[str, str])
    return {name: base64.b64decode(content) for name, content in files.items()}


def _derived(passphrase: str, salt: bytes) -> bytes:
    # Each guess takes 128 MiB (RFC 7914: 128 * n * r bytes), which is what makes guessing dear.
    return Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(passphrase.encode())


def _inside(data: Path, name: str) -> Path:
    if not _is_below(name):
        raise invalid("file", "The .secrets file names a path outside the data directory.")
    return data / name


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise invalid("file", f"'{file}' cannot be read: {error.strerror}.") from None


def _new_file(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(_new_file(path), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _write_stream(path: Path, content: IO[bytes]) -> None:
    with os.fdopen(_new_file(path), "wb") as out:
        shutil.copyfileobj(content, out)
        out.flush()
        os.fsync(out.fileno())
