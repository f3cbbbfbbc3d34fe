"""What is measured: something on a port that takes chat completions, and the process that it costs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import processes, workload
from bench.errors import BenchError
from bench.options import Other
from bench.process_tree import members


@dataclass(frozen=True)
class Target:
    """`path` is where chat completions are posted; `keys_file` holds the bearer keys to use in turn, if it wants any.

    `finish` makes it do at once what it would do later for calls that it has answered.
    """

    name: str
    port: int
    path: str
    pid: int
    keys_file: Path | None = None
    finish: Callable[[], None] = lambda: None


@contextmanager
def other(given: Other, upstream_url: str, work: Path, cores: processes.Cores) -> Iterator[Target]:
    """Another gateway as a target. Its bearer key, if it wants one, is in the environment as BENCH_KEY_NAME."""
    keys_file = _key_from_environment(given.name, work)
    if given.pid:
        if not members(given.pid):
            raise BenchError(f"There is no process {given.pid}, which {given.name} was said to be.")
        url = urlsplit(given.base_url)
        if url.scheme != "http" or url.hostname not in {"127.0.0.1", "localhost"}:
            raise BenchError(f"{given.name} is at {given.base_url}; only plain HTTP on this machine can be compared.")
        yield Target(given.name, url.port or 80, url.path.rstrip("/") + workload.RESOURCE, given.pid, keys_file)
        return
    port = processes.free_port()
    log = work / f"{given.name}.log"
    argv = [
        part.replace("{port}", str(port)).replace("{upstream}", upstream_url) for part in shlex.split(given.command)
    ]
    with processes.running(processes.start(argv, log, cores=cores.proxy)) as process:
        processes.wait_for_listener(port, process, log)
        yield Target(given.name, port, "/v1" + workload.RESOURCE, process.pid, keys_file)


def _key_from_environment(name: str, work: Path) -> Path | None:
    variable = "BENCH_KEY_" + "".join(c if c.isalnum() else "_" for c in name.upper())
    key = os.environ.get(variable)
    return None if key is None else write_keys(work / f"{name}.keys", [key])


def write_keys(path: Path, keys: list[str]) -> Path:
    """A file of bearer keys that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text("\n".join(keys))
    return path
