"""What a run found, and which of the figures to reach it reached."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import nginx
from bench.measures.closed_loop import Comparison
from bench.measures.constant_rate import AtRate
from bench.measures.guarded import Guarded
from bench.measures.lists import Lists
from bench.measures.many_keys import ManyKeys
from bench.measures.start_up import StartUp

_SCHEMA = 1
_FOLDER = Path(__file__).parent / "results"
_MB = 1_000_000


@dataclass(frozen=True)
class Machine:
    """Where the figures come from."""

    cpu: str
    cores: int
    kernel: str
    python: str
    nginx: str
    keyhouse: str | None


@dataclass
class Results:
    """One run; a measure that was not asked for is None."""

    machine: Machine
    started_at: str
    calls: int
    rounds: int
    others_cores: float = 0.0
    """Cores' worth of CPU time that other processes used during the run."""
    plain: Comparison | None = None
    stream: Comparison | None = None
    rate: AtRate | None = None
    guarded: Guarded | None = None
    keys: ManyKeys | None = None
    lists: Lists | None = None
    startup: StartUp | None = None
    schema: int = field(default=_SCHEMA)


@dataclass(frozen=True)
class Figure:
    """One figure to reach: at most `limit`."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def reached(self) -> bool:
        return self.value <= self.limit


def this_machine(keyhouse_version: str | None) -> Machine:
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        python=platform.python_version(),
        nginx=nginx.version(),
        keyhouse=keyhouse_version,
    )


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def figures(results: Results, gateway: str) -> list[Figure]:
    """The figures to reach of the measures that were taken."""
    found = []
    if (plain := results.plain) and gateway in plain.ratios:
        found.append(Figure("CPU a plain call", plain.ratios[gateway].cpu, 12, "× nginx"))
        found.append(Figure("resident memory after load", plain.memory_after[gateway].rss / _MB, 120, "MB"))
    if (stream := results.stream) and gateway in stream.ratios:
        found.append(Figure("CPU a streamed chunk", stream.ratios[gateway].cpu, 2, "× nginx"))
    if rate := results.rate:
        limit = 2 * rate.disk_p99_ms + 3
        found.append(Figure(f"p99 added at {rate.calls_per_second} calls/s", rate.added_p99_ms, limit, "ms"))
    if guarded := results.guarded:
        found.append(Figure("CPU a plain call, all limits set", guarded.plain_ratio, 1.25, "× none set"))
        found.append(Figure("CPU a streamed chunk, all limits set", guarded.stream_ratio, 1.25, "× none set"))
    if keys := results.keys:
        few = f"{keys.few_keys} keys"
        found.append(Figure(f"CPU a call with {keys.keys:,} keys", keys.cpu_ratio, 1.1, f"× {few}"))
        start_up = keys.start_up_many.seconds / keys.start_up_few.seconds
        found.append(Figure(f"start-up with {keys.keys:,} keys", start_up, 1.1, f"× {few}"))
        found.append(Figure(f"resident memory with {keys.keys:,} keys", keys.memory_many.rss / _MB, 200, "MB"))
    if lists := results.lists:
        found += [Figure(f"a page of {name}", page.median_ms, 50, "ms") for name, page in lists.pages.items()]
    if results.startup:
        found.append(Figure("start-up to the first 200", results.startup.seconds, 1.5, "s"))
    return found


def write(results: Results, gateway: str, file: Path | None) -> Path:
    """Writes everything as JSON; returns where."""
    file = file or _FOLDER / f"{results.started_at.replace(':', '')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    reached = [{**asdict(one), "reached": one.reached} for one in figures(results, gateway)]
    file.write_text(json.dumps({**asdict(results), "figures": reached}, indent=2) + "\n")
    return file


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
