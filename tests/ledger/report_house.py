"""A house with calls in it, and what its reports say of them."""

from __future__ import annotations

from keyhouse.domain.usage import UsageRow
from keyhouse.ledger.report_kinds import COMPLETIONS
from keyhouse.ledger.report_query import Query
from keyhouse.ledger.reports import Bucket, CostsResult, UsageCompletionsResult, cost_report, usage_report
from keyhouse.ledger.rollup import catch_up
from keyhouse.store.contract import Store
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0

NOW = T0 + 2 * DAY + 5000


def rolled_up(store: Store, *rows: UsageRow) -> None:
    store.ledger.append(rows)
    catch_up(store)


def completions(store: Store, **asked: object) -> tuple[Bucket[UsageCompletionsResult], ...]:
    query = Query(ORGANIZATION, T0)._replace(**asked)  # type: ignore[arg-type]  # the fields of the query, by name
    return usage_report(store, COMPLETIONS, query, NOW).buckets


def results(store: Store, **asked: object) -> list[UsageCompletionsResult]:
    return [r for bucket in completions(store, **asked) for r in bucket.results]


def requests(store: Store, **asked: object) -> int:
    return sum(result.num_model_requests for result in results(store, **asked))


def costs(store: Store, **asked: object) -> list[CostsResult]:
    query = Query(ORGANIZATION, T0)._replace(**asked)  # type: ignore[arg-type]  # as above
    return [result for bucket in cost_report(store, query, NOW).buckets for result in bucket.results]
