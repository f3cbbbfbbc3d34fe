"""What the data plane counts of itself: plain integers on the call's path, Prometheus' text when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from keyhouse.domain.errors import ErrorCode
from keyhouse.domain.operations import Operation
from keyhouse.domain.usage import Outcome


class Counters(Collector):
    """Monotonic counts since the start."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str, int]] = Counter()
        self._refusals: Counter[tuple[str, str]] = Counter()

    def settled(self, operation: Operation, outcome: Outcome, status: int) -> None:
        self._calls[operation.name, outcome.value, status] += 1

    def refused(self, code: ErrorCode) -> None:
        """A refusal before anybody was identified: counted, never written."""
        self._refusals[code.code, "unidentified"] += 1

    def refused_known(self, code: ErrorCode) -> None:
        self._refusals[code.code, "identified"] += 1

    def collect(self) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "keyhouse_calls",
            "Calls that reached an upstream or were answered here.",
            labels=("operation", "outcome", "status"),
        )
        for (operation, outcome, status), count in self._calls.items():
            calls.add_metric((operation, outcome, str(status)), count)
        yield calls
        refusals = CounterMetricFamily("keyhouse_refusals", "Requests that were refused.", labels=("code", "caller"))
        for labels, count in self._refusals.items():
            refusals.add_metric(labels, count)
        yield refusals
