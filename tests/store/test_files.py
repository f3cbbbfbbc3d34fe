"""Who may read the files of a house."""

from __future__ import annotations

import stat
from pathlib import Path

from keyhouse.store.opening import open_store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_house_is_for_its_owner_alone_its_write_ahead_logs_too(tmp_path: Path) -> None:
    store = open_store(tmp_path / "deep" / "house")
    with store.write() as transaction:
        transaction.changes.head()
    assert mode(tmp_path / "deep" / "house") == 0o700
    modes = {path.name: mode(path) for path in (tmp_path / "deep" / "house").iterdir()}
    assert {"keyhouse.db", "keyhouse.db-wal", "keyhouse.db-shm", "ledger.db"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    store.close()


def test_a_house_that_was_opened_to_others_is_closed_again(tmp_path: Path) -> None:
    open_store(tmp_path / "house").close()
    (tmp_path / "house").chmod(0o755)
    (tmp_path / "house" / "ledger.db").chmod(0o644)
    open_store(tmp_path / "house").close()
    assert (mode(tmp_path / "house"), mode(tmp_path / "house" / "ledger.db")) == (0o700, 0o600)


def test_an_empty_folder_is_made_private_and_somebody_elses_is_left_as_it_is(tmp_path: Path) -> None:
    for name, content in (("empty", None), ("shared", "letter")):
        (tmp_path / name).mkdir(mode=0o755)
        (tmp_path / name).chmod(0o755)
        if content:
            (tmp_path / name / content).write_text("dear bob")
        open_store(tmp_path / name).close()
    assert (mode(tmp_path / "empty"), mode(tmp_path / "shared")) == (0o700, 0o755)
    assert mode(tmp_path / "shared" / "keyhouse.db") == 0o600


def test_a_folder_that_is_meant_for_all_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    for _ in range(2):
        open_store(tmp_path / "tmp").close()
        assert mode(tmp_path / "tmp") == 0o1777
    assert mode(tmp_path / "tmp" / "keyhouse.db") == 0o600
