"""Plain calls over 32 connections and streams over 64, each connection asking again as soon as it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import process_tree, rounds, workload
from bench.load import Job
from bench.process_tree import Memory
from bench.rig import Rig
from bench.rounds import Series
from bench.targets import Target

_PLAIN_CONNECTIONS = 32
_STREAM_CONNECTIONS = 64


@dataclass(frozen=True)
class Ratios:
    """A target's figures as multiples of nginx's: medians of the ratios of rounds that followed each other."""

    cpu: float
    calls_per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Comparison:
    """By target's name. A series counts calls; a call is `units_per_call` of what CPU time is quoted for (`unit`)."""

    unit: str
    units_per_call: int
    connections: int
    series: dict[str, Series]
    ratios: dict[str, Ratios]
    memory_after: dict[str, Memory]

    @property
    def call(self) -> str:
        """What one call is named."""
        return "call" if self.units_per_call == 1 else "stream"

    def cpu_us_per_unit(self, target: str) -> float:
        return self.series[target].median.cpu_us_per_call / self.units_per_call


def plain(rig: Rig, contenders: Sequence[Target]) -> Comparison:
    """CPU a call. The upstream is measured alone too: what the rig itself can do at most."""
    calls = rig.options.calls_a_round

    def job(target: Target) -> Job:
        return _job(target, _PLAIN_CONNECTIONS, calls, warm_up=max(500, calls // 10), stream=False)

    return _compare(
        rig, [rig.upstream, rig.nginx, *contenders], job, unit="call", units_per_call=1, connections=_PLAIN_CONNECTIONS
    )


def stream(rig: Rig, contenders: Sequence[Target]) -> Comparison:
    """CPU a chunk, over twice as many chunks as plain calls, in full waves of 64 streams: streams mostly wait, and what a
    target does while it waits for the next round must not look like the cost of a chunk."""
    waves = -(-2 * rig.options.calls_a_round // (workload.CHUNKS * _STREAM_CONNECTIONS))

    def job(target: Target) -> Job:
        return _job(target, _STREAM_CONNECTIONS, waves * _STREAM_CONNECTIONS, _STREAM_CONNECTIONS, stream=True)

    return _compare(
        rig,
        [rig.nginx, *contenders],
        job,
        unit="chunk",
        units_per_call=workload.CHUNKS,
        connections=_STREAM_CONNECTIONS,
    )


def _job(target: Target, connections: int, calls: int, warm_up: int, *, stream: bool) -> Job:
    keys_file = None if target.keys_file is None else str(target.keys_file)
    return Job(target.port, target.path, keys_file, stream, connections, calls, warm_up)


def _compare(
    rig: Rig, targets: Sequence[Target], job: rounds.Jobs, *, unit: str, units_per_call: int, connections: int
) -> Comparison:
    series = rounds.alternate(rig, targets, job)
    base = series[rig.nginx.name]
    return Comparison(
        unit=unit,
        units_per_call=units_per_call,
        connections=connections,
        series=series,
        ratios={name: _ratios(one, base) for name, one in series.items() if name != rig.upstream.name},
        memory_after={target.name: process_tree.memory(target.pid) for target in targets},
    )


def _ratios(series: Series, base: Series) -> Ratios:
    return Ratios(
        cpu=rounds.median_ratio(series, base, lambda one: one.cpu_us_per_call),
        calls_per_second=rounds.median_ratio(series, base, lambda one: one.calls_per_second),
        p50=rounds.median_ratio(series, base, lambda one: one.p50_ms),
        p99=rounds.median_ratio(series, base, lambda one: one.p99_ms),
    )
