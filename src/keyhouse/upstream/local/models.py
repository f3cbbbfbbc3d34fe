"""The built-in models' life, as the gateway sees it: fetch, load, answer, be restarted, stop.

The gateway's process holds the listening socket and lends it to each child, so that the address and its key stay the
same when a child is restarted, and a connection made meanwhile waits for the next child instead of being refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from keyhouse.upstream.contract import Origin
from keyhouse.upstream.local import wheels
from keyhouse.upstream.local.catalog import MODELS
from keyhouse.upstream.local.wheels import LocalModelFailed

SHORT_LIVES, SHORT_S = 5, 60.0
"""So many children in succession that ended within so many seconds of being ready, or never were: no further one."""
LOAD_TIMEOUT_S = 120.0
LOG_LINES_SHOWN = 8
LOG_BYTES, LOG_LOOK_S = 1_000_000, 60.0
"""The log is emptied when it is found longer than this, so often."""


@dataclass(frozen=True, slots=True)
class LocalEndpoints:
    """Where every built-in model answers. Send `Authorization: Bearer <key>`."""

    port: int
    key: str = field(repr=False)

    @property
    def origin(self) -> Origin:
        return Origin("http", "127.0.0.1", self.port, "/v1")

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@dataclass(frozen=True, slots=True)
class LocalStatus:
    state: Literal["fetching", "loading", "ready", "failed"]
    sentence: str


class LocalModels:
    """Owns the child process. One event loop; `start` once, `stop` once."""

    def __init__(self, data_dir: Path, progress: Callable[[str], None]) -> None:
        self._data_dir = data_dir
        self._progress = progress
        self._log = data_dir / "logs" / "local-model.log"
        self._status = LocalStatus("fetching", "The built-in models are being fetched.")
        self._settled = asyncio.Event()
        self._listener: socket.socket | None = None
        self._endpoints: LocalEndpoints | None = None
        self._life: asyncio.Task[None] | None = None
        self._child_pid: int | None = None

    @property
    def status(self) -> LocalStatus:
        return self._status

    @property
    def log(self) -> Path:
        """What the child writes. It starts empty with every start of the gateway."""
        return self._log

    @property
    def child_pid(self) -> int | None:
        """The process that runs the models, while it answers."""
        return self._child_pid

    async def start(self) -> None:
        """Returns at once; the models are fetched and loaded in the background."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._endpoints = LocalEndpoints(self._listener.getsockname()[1], secrets.token_urlsafe(32))
        self._life = asyncio.create_task(self._live(self._listener, self._endpoints), name="local models")
        self._life.add_done_callback(self._ended)

    async def ready(self) -> LocalEndpoints:
        """Waits until the models answer. Raises `LocalModelFailed` when they cannot, or are stopped."""
        await self._settled.wait()
        if self._status.state == "failed" or self._endpoints is None:
            raise LocalModelFailed(self._status.sentence)
        return self._endpoints

    async def stop(self) -> None:
        """Ends the child, or the fetch, and waits for it. A call under way is cut."""
        if self._life is None:
            return
        self._life.cancel()
        await asyncio.wait((self._life,))

    async def _live(self, listener: socket.socket, endpoints: LocalEndpoints) -> None:
        try:
            folder = await wheels.fetch(self._data_dir, self._progress)
            await self._keep_running(folder, listener, endpoints)
        except LocalModelFailed as failed:
            self._turn("failed", str(failed))

    def _ended(self, life: asyncio.Task[None]) -> None:
        if self._listener is not None:
            self._listener.close()
        if life.cancelled():
            self._turn("failed", "The built-in models were stopped.")
        elif error := life.exception():
            self._turn("failed", f"The built-in models cannot run: {error!r}. {wheels.WITHOUT}")

    async def _keep_running(self, folder: Path, listener: socket.socket, endpoints: LocalEndpoints) -> None:
        short_lives = 0
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_bytes(b"")
        while True:
            self._turn("loading", "The built-in models are being loaded.")
            async with _child(folder, listener, endpoints.key, self._log) as child:
                lived = await self._watch(child)
            short_lives = short_lives + 1 if lived < SHORT_S else 0
            if short_lives == SHORT_LIVES:
                raise LocalModelFailed(self._given_up())
            self._turn("loading", f"The built-in models' process ended ({child.returncode}) and is being restarted.")
            await asyncio.sleep(0.1 * 2**short_lives)

    async def _watch(self, child: asyncio.subprocess.Process) -> float:
        """How long it answered, in seconds."""
        if not await _has_loaded(child):
            return 0.0
        since = time.monotonic()
        self._child_pid = child.pid
        self._turn("ready", "The built-in models are ready: " + ", ".join(model.id for model in MODELS) + ".")
        await self._bound_log_until_end_of(child)
        self._child_pid = None
        return time.monotonic() - since

    async def _bound_log_until_end_of(self, child: asyncio.subprocess.Process) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOG_LOOK_S):
                    await child.wait()
                    return
            # The child appends, so that its next line lands at the new end.
            if self._log.stat().st_size > LOG_BYTES:
                os.truncate(self._log, 0)

    def _given_up(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return (
            f"The built-in models' process ended {SHORT_LIVES} times, each within {SHORT_S:.0f} seconds, "
            f"and is not restarted again. {wheels.WITHOUT} Its last lines ({self._log}):\n" + "\n".join(lines)
        )

    def _turn(self, state: Literal["loading", "ready", "failed"], sentence: str) -> None:
        self._status = LocalStatus(state, sentence)
        if state == "loading":
            self._settled.clear()
        else:
            self._settled.set()
        self._progress(sentence)


@contextlib.asynccontextmanager
async def _child(
    folder: Path, listener: socket.socket, key: str, log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "keyhouse.upstream.local.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            pass_fds=(listener.fileno(),),
            start_new_session=True,
        )
    try:
        assert child.stdin is not None  # noqa: S101 - asked for above
        order = {"wheels": str(folder), "listener": listener.fileno(), "key": key}
        child.stdin.write(json.dumps(order).encode() + b"\n")
        yield child
    finally:
        # SIGKILL, not SIGTERM: it has nothing to save, and this is the one signal that cannot be late.
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _has_loaded(child: asyncio.subprocess.Process) -> bool:
    """Whether it said that it is ready, in time, before it ended."""
    assert child.stdout is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(LOAD_TIMEOUT_S):
            return await child.stdout.readline() == b"ready\n"
    except TimeoutError:
        return False
