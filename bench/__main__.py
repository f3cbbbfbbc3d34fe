"""`python -m bench`: assembles the rig, takes the measures that were asked for, prints the table, writes the JSON."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from bench import house, options, results, table
from bench.bulk_keys import digests_of
from bench.bystanders import Bystanders
from bench.errors import BenchError
from bench.house import House
from bench.measures import closed_loop, constant_rate, guarded, lists, many_keys, start_up
from bench.options import Options
from bench.results import Results
from bench.rig import Rig, assembled
from bench.targets import Target

_GATEWAY = "keyhouse"


def main() -> int:
    given = options.parse()
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        found = _measured(given)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(table.render(found, results.figures(found, _GATEWAY)))
    print(f"\nWritten to {results.write(found, _GATEWAY, given.json_file)}")
    return 0


def _measured(given: Options) -> Results:
    if not Path("/proc/self/stat").exists():
        raise BenchError("The benchmarks read CPU time and memory from /proc: they need Linux.")
    machine = results.this_machine(house.version() if given.with_keyhouse else None)
    found = Results(machine, results.now(), given.calls, given.rounds)
    bystanders = Bystanders([other.pid for other in given.others if other.pid])
    with assembled(given) as rig:
        home = house.found(_GATEWAY, rig.upstream_url, rig.work) if given.with_keyhouse else None
        if home is not None and "startup" in given.only:
            _say("start-up")
            found.startup = start_up.measure(rig, home)
        with _opened(home, rig) as gateway:
            _take(rig, gateway, found)
        if given.with_keyhouse and "guarded" in given.only:
            _say("limits and budgets")
            found.guarded = guarded.measure(rig)
        if given.with_keyhouse and "keys" in given.only:
            _say(f"{given.keys:,} keys")
            found.keys = many_keys.measure(rig, digests_of)
        if given.with_keyhouse and "lists" in given.only:
            _say("long lists")
            found.lists = lists.measure(rig, digests_of)
        found.others_cores = bystanders.cores_used()
    return found


def _take(rig: Rig, gateway: Target | None, found: Results) -> None:
    """The measures of one running gateway, after each other."""
    only = rig.options.only
    contenders = ([gateway] if gateway else []) + list(rig.others)
    if "plain" in only:
        _say("plain calls")
        found.plain = closed_loop.plain(rig, contenders)
    if "stream" in only:
        _say("streams")
        found.stream = closed_loop.stream(rig, contenders)
    if "rate" in only and gateway is not None:
        _say("a constant rate")
        found.rate = constant_rate.measure(rig, gateway)


@contextmanager
def _opened(home: House | None, rig: Rig) -> Iterator[Target | None]:
    if home is None:
        yield None
        return
    with house.gateway(home, rig.work, rig.cores.proxy, _GATEWAY) as gateway:
        yield gateway


def _say(measure: str) -> None:
    print(f"measuring {measure} …", file=sys.stderr, flush=True)


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
