"""The usage row is a tuple in the ledger's column order, on whatever it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from keyhouse.domain.usage import RefusedCall, UsageRow
from keyhouse.store.sqlite import open_sqlite
from keyhouse.store.tables import calls, refusals
from tests.ledger.makers import make_row


def test_the_rows_fields_are_the_ledgers_columns_in_order() -> None:
    assert [column.name for column in calls.columns] == ["seq", *UsageRow._fields]


def test_a_refusals_fields_are_the_logs_columns_in_order() -> None:
    assert [column.name for column in refusals.columns if column.name in RefusedCall._fields] == list(
        RefusedCall._fields
    )


def test_a_row_comes_back_as_it_was_appended_field_by_field(tmp_path: Path) -> None:
    made = enumerate(zip(UsageRow._fields, make_row("req_1"), strict=True))
    row = UsageRow._make(n if isinstance(value, int) else name for n, (name, value) in made)
    with closing(open_sqlite(tmp_path / "house")) as store:
        store.ledger.append([row])
        assert [kept.row for kept in store.ledger.since(0)] == [row]


def test_the_migrated_ledger_has_those_columns_in_that_order(tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path / "house")), closing(sqlite3.connect(tmp_path / "house" / "ledger.db")) as ledger:
        assert [row[1] for row in ledger.execute("PRAGMA table_info(calls)")] == ["seq", *UsageRow._fields]
