"""What the command line can ask for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MEASURES = ("plain", "stream", "rate", "guarded", "keys", "lists", "startup")
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Other:
    """Another gateway: one that runs already (`base_url`, `pid`) or one to start (`command`)."""

    name: str
    base_url: str = ""
    pid: int = 0
    command: str = ""


@dataclass(frozen=True)
class Options:
    """A run. Counts are per target; seconds are per round."""

    only: tuple[str, ...]
    calls: int
    rounds: int
    keys: int
    keys_in_use: int
    rate: int
    rate_seconds: int
    startups: int
    list_people: int
    """People, and as many keys, in the measure of lists."""
    list_events: int
    others: tuple[Other, ...]
    with_keyhouse: bool
    upstream_port: int | None
    work: Path
    json_file: Path | None

    @property
    def calls_a_round(self) -> int:
        return -(-self.calls // self.rounds)


def parse(argv: Sequence[str] | None = None) -> Options:
    """The options of this command line. Exits with a sentence for one that makes no sense."""
    parser = _parser()
    given = parser.parse_args(argv)
    only = tuple(given.only.split(","))
    if unknown := [name for name in only if name not in MEASURES]:
        parser.error(f"--only knows {', '.join(MEASURES)}; it does not know {', '.join(unknown)}")
    calls = given.calls or (2_000 if given.quick else 60_000)
    keys = given.keys or (20_000 if given.quick else 1_000_000)
    return Options(
        only=only,
        calls=calls,
        rounds=2 if given.quick else 6,
        keys=keys,
        keys_in_use=min(keys, 1_000 if given.quick else 10_000),
        rate=1_000,
        rate_seconds=2 if given.quick else 15,
        startups=2 if given.quick else 5,
        list_people=2_000 if given.quick else 100_000,
        list_events=20_000 if given.quick else 1_000_000,
        others=tuple(given.other),
        with_keyhouse=not given.without_keyhouse,
        upstream_port=given.upstream_port,
        work=given.work,
        json_file=given.json,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The benchmarks; docs/benchmarks.md explains.")
    add = parser.add_argument
    add("--quick", action="store_true", help="2,000 calls and short rounds: shows that it runs, measures nothing well")
    add("--only", default=",".join(MEASURES), help=f"some of {','.join(MEASURES)}")
    add("--calls", type=_positive, help="calls per target (default 60,000)")
    add("--keys", type=_positive, help="keys in the store for the measure of many keys (default 1,000,000)")
    add(
        "--other",
        type=_other,
        action="append",
        default=[],
        metavar="NAME=…",
        help="another gateway: NAME=BASE_URL,PID of a running one, or NAME=COMMAND with {port} and {upstream} in it",
    )
    add("--without-keyhouse", action="store_true", help="nginx and the --other gateways alone")
    add("--upstream-port", type=_positive, help="where the local upstream listens (default: a free port)")
    add(
        "--work", type=Path, default=_ROOT / "build" / "bench", help="folder for data directories; its disk is measured"
    )
    add("--json", type=Path, help="where the results go (default bench/results/TIME.json)")
    return parser


def _positive(text: str) -> int:
    number = int(text.replace("_", "").replace(",", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def _other(text: str) -> Other:
    name, equals, rest = text.partition("=")
    if not (name and equals and rest):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=BASE_URL,PID or NAME=COMMAND")
    if not rest.startswith(("http://", "https://")):
        if "{port}" not in rest:
            raise argparse.ArgumentTypeError(
                f"the command of {name} has no {{port}}: nobody could tell where it listens"
            )
        return Other(name, command=rest)
    base_url, comma, pid = rest.rpartition(",")
    if not comma or not pid.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} has no process id: NAME=BASE_URL,PID")
    return Other(name, base_url=base_url, pid=int(pid))
