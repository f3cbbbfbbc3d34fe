"""Starts the program in a process whose imports are done: the same house for a fraction of the time that a start takes.

For proofs that start it again and again. What is forked has imported the program's modules and nothing more.
"""

from __future__ import annotations

import os
import sys
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.e2e.house import House, Process

_PRELOADED = [
    "keyhouse.app.serve",
    "keyhouse.app.doors",
    "keyhouse.store.sqlite",
    "keyhouse.store.postgres",
    "keyhouse.cli.first",
    "tests.e2e.warm",
]


class WarmHouse(House):
    def _launch(self, arguments: list[str]) -> Process:
        context = get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        process = context.Process(target=_program, args=(arguments, self.environ, self.log))
        process.start()
        return _Forked(process)


class _Forked:
    """A process of multiprocessing, with the manners of one of subprocess."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()

    def terminate(self) -> None:
        self._process.terminate()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        assert code is not None, "still running"
        return code


def _program(arguments: list[str], environ: dict[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(environ)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["keyhouse", *arguments]
    from keyhouse.app import main

    main()
