"""Latency at a constant 1,000 calls a second, against what the disk takes for the one synced write of a call."""

from __future__ import annotations

from dataclasses import dataclass

from bench import disk, rounds
from bench.load import Job
from bench.quantiles import median, percentile
from bench.rig import Rig
from bench.rounds import Series
from bench.targets import Target

_CONNECTIONS = 64
_WRITES_A_TURN = 1_000


@dataclass(frozen=True)
class AtRate:
    """Milliseconds. A call's time counts from when it was due, sent late or not. `added_*` are the medians, over the turns,
    of the gateway's percentile less nginx's."""

    calls_per_second: int
    series: dict[str, Series]
    added_p50_ms: float
    added_p99_ms: float
    disk_p50_ms: float
    disk_p99_ms: float
    disk_writes: int


def measure(rig: Rig, gateway: Target) -> AtRate:
    """Turns of nginx and the gateway, each turn with its own share of synced writes, in the same minutes on the same disk."""
    writes_ns: list[int] = []
    series = rounds.alternate(
        rig,
        [rig.nginx, gateway],
        lambda target: _job(rig, target),
        before_turn=lambda: writes_ns.extend(disk.synced_writes_ns(rig.work, _WRITES_A_TURN)),
    )
    pairs = list(zip(series[gateway.name].rounds, series[rig.nginx.name].rounds, strict=True))
    writes_ns.sort()
    return AtRate(
        calls_per_second=rig.options.rate,
        series=series,
        added_p50_ms=median([mine.p50_ms - base.p50_ms for mine, base in pairs]),
        added_p99_ms=median([mine.p99_ms - base.p99_ms for mine, base in pairs]),
        disk_p50_ms=percentile(writes_ns, 0.5) / 1e6,
        disk_p99_ms=percentile(writes_ns, 0.99) / 1e6,
        disk_writes=len(writes_ns),
    )


def _job(rig: Rig, target: Target) -> Job:
    keys_file = None if target.keys_file is None else str(target.keys_file)
    calls = rig.options.rate * rig.options.rate_seconds
    return Job(target.port, target.path, keys_file, False, _CONNECTIONS, calls, warm_up=500, rate=rig.options.rate)
