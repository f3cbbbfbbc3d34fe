"""Every call is counted by one report, and every report can say what it would count."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from keyhouse.api import document
from keyhouse.control import usage
from keyhouse.domain.operations import OPERATIONS, Metering
from keyhouse.ledger.report_kinds import COSTS, USAGE, Kind
from keyhouse.ledger.report_query import Query
from keyhouse.ledger.report_results import UsageResult
from keyhouse.ledger.reports import usage_report
from keyhouse.store.sqlite import SqliteStore
from tests.fixtures.fresh import fresh_sqlite
from tests.ledger.report_house import NOW, rolled_up
from tests.ledger.rollup_rows import ORGANIZATION, T0, usage_row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = fresh_sqlite(tmp_path / "house")
    yield opened
    opened.close()


def test_every_metered_operation_is_in_one_usage_report_and_in_the_costs() -> None:
    counted = Counter(name for kind in USAGE for name in kind.operations)
    assert set(counted.values()) == {1}
    metered = {operation.name for operation in OPERATIONS if operation.metering is not Metering.FREE}
    assert metered <= set(counted) == set(COSTS.operations)


@pytest.mark.parametrize("kind", USAGE, ids=lambda kind: kind.name)
def test_a_result_has_a_field_for_every_group_and_is_what_the_document_says(
    store: SqliteStore, kind: Kind[UsageResult]
) -> None:
    rolled_up(store, usage_row())
    counting = dataclasses.replace(kind, operations=("chat.completions",))
    query = Query(ORGANIZATION, T0, group_by=kind.group_by, limit=1)
    report = usage_report(store, counting, query, NOW)
    (result,) = report.buckets[0].results
    assert set(kind.group_by) <= set(result.__struct_fields__)
    answer = msgspec.json.decode(usage.as_json(report.buckets, report.next_page))
    type_ = document.answer_type("GET", f"/v1/organization/usage/{kind.name}")
    assert msgspec.to_builtins(msgspec.convert(answer, type_)) == answer
