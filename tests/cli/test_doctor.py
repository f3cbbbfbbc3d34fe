"""`keyhouse doctor`: each thing that can be wrong is found, told with its figures, and changes the exit code."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.control import doctor
from keyhouse.ledger.intents import Intents
from keyhouse.ledger.rollup import catch_up
from keyhouse.store.contract import Balance
from tests.cli.terminal import Terminal
from tests.control.houses import open_house
from tests.ledger.makers import make_intent
from tests.ledger.rollup_rows import DAY, T0, usage_row

NAMES = ["disk space", "secrets", "calls left over", "schemas", "databases", "balances", "roll-ups", "audit"]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A house with calls, of which some are rolled up, and the balances of a key and its organization."""
    house = open_house(tmp_path / "house")
    ledger, organization_id = house.store.ledger, house.facts.organization_id
    rows = [usage_row(organization_id=organization_id, at=T0 + n * DAY, cost_nanos=n) for n in range(4)]
    ledger.append([*rows, usage_row(organization_id=organization_id, cost_nanos=None)])
    for n, scope_id in enumerate(("key_a", organization_id)):
        ledger.open_balance(Balance(scope_id, f"budget_{n}", T0, T0 + 3 * DAY, 0))
    catch_up(house.store)
    ledger.append([usage_row(organization_id=organization_id, at=T0 + DAY, cost_nanos=10)])
    yield Terminal(house)
    house.store.close()


def problems(terminal: Terminal) -> dict[str, list[str]]:
    """What the doctor finds, by the name of the check."""
    printed = terminal.type("doctor", "--json")
    found = {check["name"]: check["problems"] for check in printed.json["checks"]}
    wrong = {name: told for name, told in found.items() if told}
    assert printed.code == (1 if wrong else 0)
    assert printed.json["ok"] is not bool(wrong)
    assert [check["ok"] for check in printed.json["checks"]] == [not told for told in found.values()]
    return wrong


def change(terminal: Terminal, file: str, *statements: str) -> None:
    with closing(sqlite3.connect(terminal.house.folder / file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_sound_house_passes_every_check(terminal: Terminal) -> None:
    printed = terminal.ok("doctor")
    assert printed.out.splitlines() == [f"ok       {name}" for name in NAMES]
    assert problems(terminal) == {}


def test_a_balance_that_is_not_its_rows_is_told_with_both_figures(terminal: Terminal) -> None:
    change(terminal, "ledger.db", "UPDATE balances SET spent_nanos = spent_nanos + 1 WHERE scope_id = 'key_a'")
    (problem,) = problems(terminal)["balances"]
    assert "budget budget_0 (key_a, from 2024-10-04) is 14 nano-dollars" in problem
    assert "cost 13." in problem
    printed = terminal.type("doctor")
    assert printed.code == 1
    assert f"problem  balances\n         {problem}" in printed.out


def test_balances_are_held_to_the_rows_and_not_to_the_rollups(terminal: Terminal) -> None:
    change(terminal, "ledger.db", "UPDATE calls SET cost_nanos = cost_nanos + 5 WHERE cost_nanos = 2")
    assert len(problems(terminal)["balances"]) == 2


def test_many_wrong_balances_are_counted_and_some_are_told(terminal: Terminal) -> None:
    for n in range(50):
        terminal.house.store.ledger.open_balance(Balance("key_a", f"budget_x{n}", T0, T0 + DAY, 99))
    told = problems(terminal)["balances"]
    assert len(told) == 21
    assert told[-1] == "And 30 more."


@pytest.mark.parametrize("column", ["requests", "cost_input_nanos"])
def test_rollups_that_are_not_their_rows_are_told(terminal: Terminal, column: str) -> None:
    change(terminal, "keyhouse.db", f"UPDATE rollups SET {column} = {column} + 7 WHERE bucket = {T0 + 2 * DAY}")
    (problem,) = problems(terminal)["roll-ups"]
    assert terminal.house.facts.organization_id in problem
    assert "its rows are 5 and cost 6." in problem


def test_rows_that_are_gone_are_told(terminal: Terminal) -> None:
    change(terminal, "ledger.db", "DELETE FROM calls WHERE seq >= 5", "DELETE FROM balances")
    (first, *_) = problems(terminal)["roll-ups"]
    assert "hold rows up to number 5, and the ledger ends at 4" in first


def test_a_schema_of_another_version_is_told_and_not_upgraded(terminal: Terminal) -> None:
    change(terminal, "ledger.db", "UPDATE keyhouse_schema SET version_num = '0003'")
    (problem,) = problems(terminal)["schemas"]
    assert "ledger.db has schema 0003" in problem
    assert problems(terminal).keys() == {"schemas"}


def test_a_database_that_is_no_database_is_told(terminal: Terminal) -> None:
    terminal.house.store.close()
    for left in terminal.house.folder.glob("ledger.db-*"):
        left.unlink()
    (terminal.house.folder / "ledger.db").write_bytes(b"not a database at all" * 500)
    (problem,) = problems(terminal)["schemas"]
    assert "ledger.db cannot be read" in problem


def test_a_database_that_is_gone_is_told_and_not_made_anew(terminal: Terminal) -> None:
    terminal.house.store.close()
    (terminal.house.folder / "ledger.db").unlink()
    assert "ledger.db is missing" in problems(terminal)["schemas"][0]
    assert not (terminal.house.folder / "ledger.db").exists()


def test_secrets_that_others_may_read_are_told(terminal: Terminal) -> None:
    peppers = terminal.house.folder / "secrets" / "peppers.json"
    peppers.chmod(0o640)
    (problem,) = problems(terminal)["secrets"]
    assert "mode 0640" in problem
    assert f"chmod 600 {peppers}" in problem


def test_secrets_that_are_gone_or_another_houses_are_told(terminal: Terminal) -> None:
    folder = terminal.house.folder / "secrets"
    (folder / "master_keys.json").unlink()
    assert "master_keys.json' is missing" in problems(terminal)["secrets"][0]
    (folder / "master_keys.json").write_text((folder / "peppers.json").read_text())
    (folder / "master_keys.json").chmod(0o600)
    assert "lacks the master key" in problems(terminal)["databases"][0]


def test_calls_that_a_crash_left_are_told(terminal: Terminal) -> None:
    intents = Intents(terminal.house.folder / "inflight.bin")
    for n in range(3):
        intents.begin(make_intent(f"req_{n}"))
    intents.close()
    (problem,) = problems(terminal)["calls left over"]
    assert "not charged yet: 3." in problem


def test_a_disk_that_is_nearly_full_is_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_space", lambda data, _: doctor_space(data, 2**62))
    (problem,) = problems(terminal)["disk space"]
    assert "MiB left" in problem


def test_no_house_is_a_sentence(terminal: Terminal) -> None:
    for left in sorted(terminal.house.folder.rglob("*"), reverse=True):
        left.unlink() if left.is_file() else left.rmdir()
    assert "There is no house in" in terminal.refused("doctor")


doctor_space = doctor._space
