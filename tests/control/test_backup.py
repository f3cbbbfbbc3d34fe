"""Backup and restore: a whole house comes back, its secrets only with the passphrase, and nothing is ever overwritten."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from keyhouse.control import backup, keys, upstreams
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.upstreams import seal_context
from keyhouse.store.contract import Page
from keyhouse.store.sqlite import open_sqlite
from tests.control.houses import House, accepts, control_of

PASSPHRASE = "correct horse battery"


def secret_keys(house: House) -> list[bytes]:
    """Every pepper and master key, as its file writes it."""
    texts = house.secret_files().values()
    return [value.encode() for text in texts for value in json.loads(text)["by_id"].values()]


def make_backup(house: House, folder: Path) -> Path:
    file = folder / "house.khbackup"
    backup.backup(house.control, file, house.secret_files, PASSPHRASE)
    return file


def test_restored_house_is_the_house(house: House, tmp_path: Path) -> None:
    file = make_backup(house, tmp_path)
    late = keys.create(house.control, house.caller, Holder(KeyKind.USER, house.project_id), KeyFields(name="late"))
    backup.restore(file, tmp_path / "restored", PASSPHRASE)
    store = open_sqlite(tmp_path / "restored")
    organization_id = house.facts.organization_id
    with store.read() as tx, house.store.read() as live:
        assert tx.organizations.all() == live.organizations.all()
        assert tx.projects.list(organization_id, Page()) == live.projects.list(organization_id, Page())
        assert tx.keys.get(organization_id, late.view.key.id) is None
        assert len(tx.audit.list(organization_id, Page()).items) == 5
    store.close()


def test_restored_house_takes_the_same_keys_and_opens_the_same_seals(house: House, tmp_path: Path) -> None:
    house.upstream_models["http://m"] = ["m"]
    given = UpstreamFields("main", "http://m", "upstream-key-0123456789")
    sealed = upstreams.add(house.control, house.caller, given, house.list_models).upstream
    backup.restore(make_backup(house, tmp_path), tmp_path / "restored", PASSPHRASE)
    store = open_sqlite(tmp_path / "restored")
    control = control_of(tmp_path / "restored", store, house.clock, [])
    assert accepts(store, control.peppers, house.facts.api_key, house.clock.now)
    assert sealed.sealed_key is not None
    assert control.sealer.open(sealed.sealed_key, seal_context(sealed.id)) == b"upstream-key-0123456789"
    store.close()


def test_copies_are_private_and_hold_no_secret_in_the_clear(house: House, tmp_path: Path) -> None:
    file = make_backup(house, tmp_path)
    sealed = tmp_path / "house.khbackup.secrets"
    for path in (file, sealed):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for secret in (*secret_keys(house), house.facts.api_key.encode(), PASSPHRASE.encode()):
            assert secret not in path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [file.name, sealed.name]
    backup.restore(file, tmp_path / "restored", PASSPHRASE)
    for path in (tmp_path / "restored").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700)


def test_backup_of_a_house_that_is_written_to_is_consistent(house: House, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            keys.create(house.control, house.caller, Holder(KeyKind.USER, house.project_id), KeyFields(name="busy"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        file = make_backup(house, tmp_path)
    finally:
        stop.set()
        writer.join()
    backup.restore(file, tmp_path / "restored", PASSPHRASE)
    store = open_sqlite(tmp_path / "restored")
    with store.read() as tx:
        events = tx.audit.list(house.facts.organization_id, Page(limit=1000)).items
        copied = {event.object_id for event in events if event.details.get("name") == "busy"}
        assert all(tx.keys.get(house.facts.organization_id, key_id) for key_id in copied)
    store.close()


def test_wrong_passphrase_writes_nothing(house: House, tmp_path: Path) -> None:
    file = make_backup(house, tmp_path)
    with pytest.raises(KeyhouseError, match="passphrase is wrong"):
        backup.restore(file, tmp_path / "restored", "another passphrase")
    assert not (tmp_path / "restored").exists()


def test_short_passphrase_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(KeyhouseError, match="at least 12 characters") as refused:
        backup.backup(house.control, tmp_path / "b", house.secret_files, "x" * 11)
    assert refused.value.param == "passphrase"
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("there", ["b", "b.secrets"])
def test_backup_never_overwrites(house: House, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("kept")
    with pytest.raises(KeyhouseError, match="a backup never overwrites") as refused:
        backup.backup(house.control, tmp_path / "b", house.secret_files, PASSPHRASE)
    assert refused.value.code is ErrorCode.CONFLICT
    assert (tmp_path / there).read_text() == "kept"


def test_backup_into_a_folder_that_is_not_there_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(KeyhouseError, match="is not a folder"):
        backup.backup(house.control, tmp_path / "none" / "b", house.secret_files, PASSPHRASE)


def test_restore_never_overwrites(house: House, tmp_path: Path) -> None:
    file = make_backup(house, tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "keep").write_text("kept")
    for target in (tmp_path / "full", tmp_path / "full" / "keep"):
        with pytest.raises(KeyhouseError, match="is not empty"):
            backup.restore(file, target, PASSPHRASE)
    assert (tmp_path / "full" / "keep").read_text() == "kept"


def test_backup_without_its_secrets_is_refused(house: House, tmp_path: Path) -> None:
    file = make_backup(house, tmp_path)
    (tmp_path / "house.khbackup.secrets").unlink()
    with pytest.raises(KeyhouseError, match="cannot be read: No such file"):
        backup.restore(file, tmp_path / "restored", PASSPHRASE)


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [flipped, lambda c: c[:40], lambda c: c[:0], lambda c: c[:-20]])
def test_damaged_secrets_are_refused(house: House, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = make_backup(house, tmp_path)
    sealed = tmp_path / "house.khbackup.secrets"
    sealed.write_bytes(damage(sealed.read_bytes()))
    with pytest.raises(KeyhouseError, match=r"not one of Keyhouse|was changed"):
        backup.restore(file, tmp_path / "restored", PASSPHRASE)
    assert not (tmp_path / "restored").exists()


def tar_of(file: Path, *members: tuple[str, bytes, bytes]) -> None:
    with tarfile.open(file, "w") as archive:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(info, io.BytesIO(content))


MANIFEST = ("keyhouse-backup.json", tarfile.REGTYPE, b'{"format":1,"keyhouse":"0.1.0","created_at":1}')


@pytest.mark.parametrize(
    "members",
    [
        [],
        [("other.json", tarfile.REGTYPE, b"{}")],
        [("keyhouse-backup.json", tarfile.REGTYPE, b"not json")],
        [MANIFEST, ("databases/../../evil", tarfile.REGTYPE, b"x")],
        [MANIFEST, ("/tmp/evil", tarfile.REGTYPE, b"x")],
        [MANIFEST, ("databases//tmp/evil", tarfile.REGTYPE, b"x")],
        [MANIFEST, ("databases/link", tarfile.SYMTYPE, b"")],
        [MANIFEST, ("elsewhere/file", tarfile.REGTYPE, b"x")],
    ],
)
def test_archive_that_is_no_backup_is_refused(
    house: House, tmp_path: Path, members: list[tuple[str, bytes, bytes]]
) -> None:
    file = make_backup(house, tmp_path)
    tar_of(file, *members)
    with pytest.raises(KeyhouseError, match="is not a backup of Keyhouse"):
        backup.restore(file, tmp_path / "restored", PASSPHRASE)
    assert not (tmp_path / "restored").exists()
    assert not (tmp_path / "evil").exists()


def test_newer_format_is_refused_with_a_sentence(house: House, tmp_path: Path) -> None:
    file = make_backup(house, tmp_path)
    tar_of(file, (MANIFEST[0], MANIFEST[1], b'{"format":2,"keyhouse":"9.0","created_at":1}'))
    with pytest.raises(KeyhouseError, match=r"written by Keyhouse 9\.0, in a format that is newer"):
        backup.restore(file, tmp_path / "restored", PASSPHRASE)
