"""The usage row is a tuple in the ledger's column order, on whatever it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import get_type_hints

from keyhouse.domain.usage import RefusedCall, UsageRow
from keyhouse.store.sqlite import open_sqlite
from keyhouse.store.tables import calls, refusals


def test_the_rows_fields_are_the_ledgers_columns_in_order() -> None:
    assert [column.name for column in calls.columns] == ["seq", *UsageRow._fields]


def test_a_refusals_fields_are_the_logs_columns_in_order() -> None:
    assert [column.name for column in refusals.columns if column.name in RefusedCall._fields] == list(
        RefusedCall._fields
    )


def test_a_row_comes_back_as_it_was_appended_field_by_field(tmp_path: Path) -> None:
    hints = get_type_hints(UsageRow).items()
    row = UsageRow._make(n if hint in {int, int | None} else name for n, (name, hint) in enumerate(hints))
    with closing(open_sqlite(tmp_path / "house")) as store:
        store.ledger.append([row])
        assert [kept.row for kept in store.ledger.since(0)] == [row]


def test_the_migrated_ledger_has_those_columns_in_that_order(tmp_path: Path) -> None:
    with closing(open_sqlite(tmp_path / "house")), closing(sqlite3.connect(tmp_path / "house" / "ledger.db")) as ledger:
        assert [row[1] for row in ledger.execute("PRAGMA table_info(calls)")] == ["seq", *UsageRow._fields]
