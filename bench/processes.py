"""Starting, placing and ending the processes of a run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Cores:
    """Which cores the load (generator and upstream) and the proxy under test run on; None: wherever the kernel likes."""

    load: frozenset[int] | None
    proxy: frozenset[int] | None

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The last core for the proxy, the others for the load; no placement on a machine of one core."""
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            return cls(None, None)
        return cls(frozenset(usable[:-1]), frozenset(usable[-1:]))


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def start(
    argv: Sequence[str],
    log: Path,
    *,
    cores: frozenset[int] | None = None,
    env: Mapping[str, str] | None = None,
    pipes: bool = False,
) -> subprocess.Popen[str]:
    """A child that ends when this process does, with its output appended to `log`; `pipes` keeps stdin and stdout for us."""
    pipe = subprocess.PIPE if pipes else None
    with log.open("a") as sink:
        return subprocess.Popen(
            argv,
            stdin=pipe or subprocess.DEVNULL,
            stdout=pipe or sink,
            stderr=sink,
            env=env,
            text=True,
            preexec_fn=lambda: _become_child(cores),  # noqa: PLW1509 - this process has one thread
        )


@contextlib.contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process while the block lasts; then it is asked to end, and after 10 s made to."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def wait_for_200(
    port: int, path: str, process: subprocess.Popen[str], log: Path, *, patience: float = 60.0, pause: float = 0.005
) -> None:
    """Asks until the answer is 200. Raises BenchError if the process ends first or `patience` (seconds) runs out."""
    _wait(
        lambda: status_of(port, path) == 200,
        f"No 200 from port {port}, {path},",
        process,
        log,
        patience=patience,
        pause=pause,
    )


def wait_for_listener(port: int, process: subprocess.Popen[str], log: Path, *, patience: float = 120.0) -> None:
    """Waits until something listens on the port. Raises BenchError as `wait_for_200` does."""
    _wait(lambda: _listens(port), f"Nobody listens on port {port}", process, log, patience=patience, pause=0.05)


def status_of(port: int, path: str) -> int | None:
    """The status of one GET, None if there is no answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            head = sock.recv(64)
    except OSError:
        return None
    return int(head[9:12]) if head.startswith(b"HTTP/1.") and head[9:12].isdigit() else None


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _wait(
    ready: Callable[[], bool],
    complaint: str,
    process: subprocess.Popen[str],
    log: Path,
    *,
    patience: float,
    pause: float,
) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        if process.poll() is not None:
            raise BenchError(f"{process.args!r} ended with {process.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise BenchError(f"{complaint} within {patience:.0f} s:\n{tail(log)}")
        time.sleep(pause)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def _become_child(cores: frozenset[int] | None) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if cores is not None:
        os.sched_setaffinity(0, cores)
