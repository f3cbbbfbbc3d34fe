"""The process that runs the built-in models: `python -m keyhouse.upstream.local.child`.

It is started by `models.LocalModels` and by nobody else. Its order comes as one line of JSON on standard input, which
then stays open as its lifeline: `{"wheels": <folder>, "listener": <descriptor>, "key": <bearer key>}`. It writes
`ready` to standard output when both models are loaded; everything else it says goes to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn

from keyhouse.upstream.local.embeddings import Embedder
from keyhouse.upstream.local.lifeline import end_with_parent
from keyhouse.upstream.local.llama import LlamaServer
from keyhouse.upstream.local.serving import LocalApp

NICENESS = 5
"""Below the gateway, which must stay responsive while every core is generating."""
MAX_THREADS = 4
IDLE_CONNECTION_S = 600
"""Longer than a gateway keeps an idle connection, so that it is never the child that closes one being reused."""


def main() -> None:
    report = _take_standard_output()
    order = json.loads(_read_line())
    end_with_parent()
    os.nice(NICENESS)
    sys.path.insert(0, order["wheels"])
    app = _load(Path(order["wheels"]), order["key"])
    os.write(report, b"ready\n")
    _serve(app, order["listener"])


def _take_standard_output() -> int:
    """A descriptor of our own for the report; what libraries print goes to standard error from here on."""
    report = os.dup(1)
    os.dup2(2, 1)
    return report


def _read_line() -> bytes:
    """One line of standard input, unbuffered: nothing of it may be read ahead of the lifeline."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 4096) or b"\n"
    return line


def _load(wheels: Path, key: str) -> LocalApp:
    threads = min(MAX_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(1) as beside:
        embedder = beside.submit(Embedder, wheels, threads)
        llama = LlamaServer(wheels, threads)
        return LocalApp(key, llama, embedder.result())


def _serve(app: LocalApp, listener: int) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE_CONNECTION_S,
    )
    asyncio.run(_Server(config).serve(sockets=[socket.socket(fileno=listener)]))


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes no signal: SIGTERM keeps its default, an immediate end, since there is nothing to save."""
        yield


if __name__ == "__main__":
    main()
