"""This gateway, set up and started as its user would: `keyhouse init`, `upstreams add`, `prices set`, `up`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path

from bench import processes, workload
from bench.errors import BenchError
from bench.targets import Target, write_keys

_UPSTREAM_KEY = "BENCH_UPSTREAM_KEY"


@dataclass(frozen=True)
class House:
    """A data directory that is ready for calls: an upstream, a price, and the keys to call with."""

    data: Path
    organization_id: str
    project_id: str
    keys_file: Path
    admin_key: str = field(repr=False)


def found(name: str, upstream_url: str, work: Path) -> House:
    """A new house in `work`/`name`, with one key. Raises BenchError with what the command said if one fails."""
    data = work / name
    facts = json.loads(_keyhouse("init", "--json", data=data))
    upstream = ["--base-url", upstream_url, "--key-env", _UPSTREAM_KEY, "--models", "bench-*"]
    _keyhouse("upstreams", "add", "bench", *upstream, data=data)
    _keyhouse("prices", "set", workload.MODEL, "--input", "1", "--output", "2", data=data)
    keys_file = write_keys(work / f"{name}.keys", [facts["api_key"]])
    return House(data, facts["organization_id"], facts["project_id"], keys_file, facts["admin_key"])


@contextmanager
def gateway(house: House, work: Path, cores: frozenset[int] | None, name: str = "keyhouse") -> Iterator[Target]:
    """The house, open: everything on, as it is by default, but for the local model."""
    process, port, log = _up(house, work, cores, name)
    with processes.running(process):
        processes.wait_for_200(port, "/healthz", process, log)
        finish = partial(_read_a_report, port, house.admin_key)
        yield Target(name, port, "/v1" + workload.RESOURCE, process.pid, house.keys_file, finish)


def _read_a_report(port: int, admin_key: str) -> None:
    """A report has every call that was answered: whoever reads one makes the gateway roll up what it had left for later."""
    url = f"http://127.0.0.1:{port}/v1/organization/usage/completions?start_time={int(time.time())}"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {admin_key}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        answer.read()


def start_up_seconds(house: House, work: Path) -> float:
    """From starting the command to the first 200, on all cores, as for a user."""
    began = time.perf_counter()
    process, port, log = _up(house, work, None, "startup")
    with processes.running(process):
        processes.wait_for_200(port, "/healthz", process, log, pause=0.002)
        return time.perf_counter() - began


def version() -> str:
    return metadata.version("keyhouse")


def _up(house: House, work: Path, cores: frozenset[int] | None, name: str) -> tuple[subprocess.Popen[str], int, Path]:
    port = processes.free_port()
    log = work / f"{name}.log"
    argv = [*_command(), "up", "--host", "127.0.0.1", "--port", str(port), "--data", str(house.data)]
    return processes.start(argv, log, cores=cores, env=_environment()), port, log


def _keyhouse(*arguments: str, data: Path | None = None) -> str:
    argv = [*_command(), *arguments, *(["--data", str(data)] if data else [])]
    done = subprocess.run(argv, capture_output=True, text=True, env=_environment(), timeout=60, check=False)
    if done.returncode:
        raise BenchError(f"`keyhouse {' '.join(arguments)}` ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def _command() -> list[str]:
    beside = Path(sys.executable).with_name("keyhouse")
    installed = str(beside) if beside.exists() else shutil.which("keyhouse")
    if installed is None:
        raise BenchError(
            "There is no `keyhouse` command beside this Python: `make up` or `pip install -e .` brings it."
        )
    return [installed]


def _environment() -> dict[str, str]:
    """This process's environment without the caller's own Keyhouse settings: the benchmark measures the defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYHOUSE_")}
    return {**kept, "KEYHOUSE_LOCAL_MODEL": "off", _UPSTREAM_KEY: _upstream_key()}


def _upstream_key() -> str:
    return "sk-bench-" + secrets.token_hex(16)
