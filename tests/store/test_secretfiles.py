"""Peppers and master keys: made once, never replaced without a word, never shown."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import MaterialKind, Store
from keyhouse.store.secretfiles import Secrets, fingerprint, load_or_create
from tests.store.conftest import Reopen

Break = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "house" / "secrets"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "house").mkdir(exist_ok=True)
    return tmp_path / "house"


def test_the_first_start_makes_them_and_every_later_one_finds_them(empty_store: Store, data_dir: Path) -> None:
    made = load_or_create(data_dir, empty_store, 100)
    assert load_or_create(data_dir, empty_store, 200) == made
    assert made.peppers != made.master_keys
    assert all(
        len(key) == 32 for keys in (made.peppers, made.master_keys, made.audit_keys) for key in keys.by_id.values()
    )


def test_the_files_are_for_their_owner_alone(empty_store: Store, data_dir: Path, folder: Path) -> None:
    load_or_create(data_dir, empty_store, 100)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys(["audit_keys.json", "master_keys.json", "peppers.json"], 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_database_knows_them_by_fingerprint_only(empty_store: Store, data_dir: Path) -> None:
    made = load_or_create(data_dir, empty_store, 100)
    with empty_store.read() as transaction:
        materials = {material.kind: material for material in transaction.materials.all()}
    pepper = made.peppers.by_id[made.peppers.current]
    assert materials[MaterialKind.PEPPER].id == made.peppers.current
    assert materials[MaterialKind.PEPPER].fingerprint == fingerprint(pepper)
    assert pepper.hex() not in str(materials)
    assert materials[MaterialKind.MASTER_KEY].created_at == 100


def test_a_repr_shows_no_secret(empty_store: Store, data_dir: Path) -> None:
    made = load_or_create(data_dir, empty_store, 100)
    shown = repr(made)
    assert made.peppers.current in shown
    for keys in (made.peppers, made.master_keys, made.audit_keys):
        for key in keys.by_id.values():
            assert key.hex() not in shown
            assert repr(key) not in shown


def test_a_key_added_to_the_file_is_registered_and_the_old_one_stays(
    empty_store: Store, data_dir: Path, folder: Path
) -> None:
    made = load_or_create(data_dir, empty_store, 100)
    content = json.loads((folder / "peppers.json").read_text())
    content["by_id"]["pep_new"] = "A" * 43 + "="
    content["current"] = "pep_new"
    (folder / "peppers.json").write_text(json.dumps(content))
    rotated = load_or_create(data_dir, empty_store, 200)
    assert rotated.peppers.current == "pep_new"
    assert rotated.peppers.by_id.items() > made.peppers.by_id.items()
    with empty_store.read() as transaction:
        assert len(transaction.materials.all()) == 4


def _rewrite(change: Callable[[dict[str, object]], object]) -> Break:
    def rewrite(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return rewrite


@pytest.mark.parametrize("name", ["audit_keys.json", "peppers.json", "master_keys.json"])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (Path.unlink, "missing"),
        (lambda path: path.write_text(""), "damaged"),
        (lambda path: path.write_text('{"current": "x", "by_id": {'), "damaged"),
        (lambda path: path.write_text('["a list"]'), "damaged"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "damaged"),
        (_rewrite(lambda content: content.update(current="another")), "damaged"),
        (_rewrite(lambda content: content.update(by_id=dict.fromkeys([str(content["current"])], "AAAA"))), "damaged"),
        (
            _rewrite(lambda content: content.update(by_id=dict.fromkeys([str(content["current"])], "A" * 43 + "="))),
            "not the one",
        ),
        (_rewrite(lambda content: content.update(current="other", by_id={"other": "A" * 43 + "="})), "lacks"),
        (lambda path: path.chmod(0o640), "chmod 600"),
        (lambda path: path.chmod(0o604), "chmod 600"),
    ],
)
def test_a_start_with_a_missing_or_wrong_file_is_refused_and_changes_nothing(
    empty_store: Store, data_dir: Path, name: str, damage: Break, sentence: str
) -> None:
    load_or_create(data_dir, empty_store, 100)
    damage(data_dir / "secrets" / name)
    before = contents(data_dir)
    with pytest.raises(KeyhouseError, match=sentence) as caught:
        load_or_create(data_dir, empty_store, 200)
    assert caught.value.code is ErrorCode.SECRETS_MISSING
    assert name in caught.value.message
    assert contents(data_dir) == before
    with empty_store.read() as transaction:
        assert {material.created_at for material in transaction.materials.all()} == {100}


def test_another_machine_without_the_files_is_refused(empty_store: Store, data_dir: Path, tmp_path: Path) -> None:
    """Two gateways share one database; the second one's data directory is new."""
    load_or_create(data_dir, empty_store, 100)
    (tmp_path / "second").mkdir()
    with pytest.raises(KeyhouseError, match=r"(peppers|master_keys|audit_keys)\.json is missing"):
        load_or_create(tmp_path / "second", empty_store, 200)
    assert not (tmp_path / "second" / "secrets").exists()


def test_a_crash_between_the_files_and_the_database_is_made_good(
    empty_store: Store, data_dir: Path, opener: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(Exception):
        pass

    def cut() -> None:
        raise PowerCutError

    crashing = opener()
    with monkeypatch.context() as patched:
        patched.setattr(crashing, "write", cut)
        with pytest.raises(PowerCutError):
            load_or_create(data_dir, crashing, 100)
    made = load_or_create(data_dir, empty_store, 200)
    assert isinstance(made, Secrets)
    assert load_or_create(data_dir, empty_store, 300) == made


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in (folder / "secrets").iterdir())
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in files}
