"""Rounds of load: one target at a time, taking turns, so that what drifts on the machine drifts for all of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench import process_tree, processes
from bench.errors import BenchError
from bench.load import Job, Outcome
from bench.quantiles import median
from bench.rig import Rig
from bench.targets import Target

_SETTLE_SECONDS = 1.2

Jobs = Callable[[Target], Job]


@dataclass(frozen=True)
class Round:
    """One target under load once. `busy` is the share of one core that it used while calls came in and until it had
    finished what they left to do."""

    calls: int
    cpu_us_per_call: float
    calls_per_second: float
    busy: float
    p50_ms: float
    p99_ms: float
    first_byte_p50_ms: float
    first_byte_p99_ms: float


_FIGURES = tuple(field.name for field in fields(Round) if field.name != "calls")


@dataclass(frozen=True)
class Series:
    """A target's rounds and their medians; `calls` is their sum."""

    target: str
    calls: int
    median: Round
    rounds: tuple[Round, ...]


def alternate(
    rig: Rig, targets: Sequence[Target], job: Jobs, before_turn: Callable[[], None] = lambda: None
) -> dict[str, Series]:
    """Runs every target as often as the options say, in turn (A B, B A, …). Raises BenchError as `run` does."""
    taken: dict[str, list[Round]] = {target.name: [] for target in targets}
    for turn in range(rig.options.rounds):
        before_turn()
        for target in targets if turn % 2 == 0 else reversed(targets):
            taken[target.name].append(run(rig, target, job(target)))
    return {name: _series(name, done) for name, done in taken.items()}


def run(rig: Rig, target: Target, job: Job) -> Round:
    """One round: the generator connects and warms up, then CPU time is read before and after its calls.

    Raises BenchError if any answer was not a whole 200.
    """
    argv = [sys.executable, "-m", "bench.load"]
    with processes.running(processes.start(argv, rig.log, cores=rig.cores.load, pipes=True)) as generator:
        _exchange(generator, json.dumps(asdict(job)), target, rig.log)
        target.finish()
        before = process_tree.cpu_ns(target.pid)
        outcome = Outcome(**json.loads(_exchange(generator, "go", target, rig.log)))
        # What a call leaves for later (roll-ups, the ledger's checkpoint) is part of its cost.
        target.finish()
        time.sleep(_SETTLE_SECONDS)
        used_ns = process_tree.cpu_ns(target.pid) - before
    if outcome.problems or not outcome.calls:
        raise BenchError(f"{target.name} did not answer every call: {_most_common(outcome.problems)}")
    return _round(outcome, used_ns)


def _exchange(generator: subprocess.Popen[str], line: str, target: Target, log: Path) -> str:
    assert generator.stdin is not None
    assert generator.stdout is not None
    try:
        generator.stdin.write(line + "\n")
        generator.stdin.flush()
        answer = generator.stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        raise BenchError(f"The load on {target.name} broke off:\n{processes.tail(log)}")
    return answer


def _most_common(problems: dict[str, int]) -> str:
    count, problem = max(((count, problem) for problem, count in problems.items()), default=(0, "none was finished"))
    return f"{count} × {problem}"


def _round(outcome: Outcome, used_ns: int) -> Round:
    return Round(
        calls=outcome.calls,
        cpu_us_per_call=used_ns / outcome.calls / 1e3,
        calls_per_second=outcome.calls / outcome.wall_ns * 1e9,
        busy=used_ns / outcome.wall_ns,
        p50_ms=outcome.p50_ns / 1e6,
        p99_ms=outcome.p99_ns / 1e6,
        first_byte_p50_ms=outcome.first_byte_p50_ns / 1e6,
        first_byte_p99_ms=outcome.first_byte_p99_ns / 1e6,
    )


def _series(target: str, done: list[Round]) -> Series:
    middle = {name: median([getattr(one, name) for one in done]) for name in _FIGURES}
    calls = [one.calls for one in done]
    return Series(target, sum(calls), Round(calls=int(median(calls)), **middle), tuple(done))


def median_ratio(series: Series, base: Series, of: Callable[[Round], float]) -> float:
    """The median, over the turns, of this series' figure as a multiple of the base's in the same turn."""
    return median([of(mine) / of(theirs) for mine, theirs in zip(series.rounds, base.rounds, strict=True)])
