"""The load generator: a process that is given a job, makes itself ready, and runs it when told.

    python -m bench.load

One line of JSON (a Job) comes in on standard input; `ready` goes out once connections stand and are warm; after any
further line the job runs, and its Outcome goes out as one line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from array import array
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from bench import workload
from bench.client import Answer, Connection
from bench.quantiles import percentile
from bench.ticker import Ticker

_PATIENCE = 60.0
_TOO_MANY_PROBLEMS = 100


@dataclass(frozen=True)
class Job:
    """What to ask of whom. `rate` (calls a second) makes it an open loop; None: each connection asks again when answered.

    A closed loop ends after `calls` or `max_seconds`, whichever is first. `keys_file` holds bearer keys, one a line, which
    take turns.
    """

    port: int
    path: str
    keys_file: str | None
    stream: bool
    connections: int
    calls: int
    warm_up: int
    rate: int | None = None
    max_seconds: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """What came of a job. Times are nanoseconds; `problems` counts what was not a whole 200, by its description."""

    calls: int
    wall_ns: int
    p50_ns: int
    p99_ns: int
    first_byte_p50_ns: int
    first_byte_p99_ns: int
    problems: dict[str, int]


class Load:
    """Connections to one target and the calls that go over them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._requests = itertools.cycle(_requests(job))
        self._idle: deque[Connection] = deque()
        self._reconnecting: set[asyncio.Task[None]] = set()
        self._ticker: Ticker | None = None
        self._begin_run(calls=0, rate=None)

    async def open(self) -> None:
        """Connects and warms up: the measured calls meet open connections, filled caches and a running upstream."""
        for _ in range(self._job.connections):
            self._idle.append(await self._connect())
        await self._run(self._job.warm_up, rate=None)

    async def run(self) -> Outcome:
        """The job itself."""
        began = time.monotonic_ns()
        await self._run(self._job.calls, self._job.rate)
        wall_ns = time.monotonic_ns() - began
        times, first_bytes = sorted(self._times), sorted(self._first_bytes)
        return Outcome(
            calls=len(times),
            wall_ns=wall_ns,
            p50_ns=percentile(times, 0.5),
            p99_ns=percentile(times, 0.99),
            first_byte_p50_ns=percentile(first_bytes, 0.5),
            first_byte_p99_ns=percentile(first_bytes, 0.99),
            problems=dict(self._problems),
        )

    async def _run(self, calls: int, rate: int | None) -> None:
        self._begin_run(calls, rate)
        if rate is None:
            for connection in self._take_idle():
                self._freed(connection)
        elif calls:
            self._ticker = Ticker(self._loop, rate, self._on_tick)
        async with asyncio.timeout(self._job.max_seconds + _PATIENCE):
            await self._finished.wait()
        if self._ticker is not None:
            self._ticker.stop()

    def _begin_run(self, calls: int, rate: int | None) -> None:
        self._left = calls
        self._paced = rate is not None
        self._in_flight = 0
        self._overdue: deque[int] = deque()
        self._ticker = None
        self._finished = asyncio.Event()
        self._deadline_ns = time.monotonic_ns() + int(self._job.max_seconds * 1e9)
        self._times = array("Q")
        self._first_bytes = array("Q")
        self._problems: Counter[str] = Counter()
        if not calls:
            self._finished.set()

    def _take_idle(self) -> deque[Connection]:
        taken, self._idle = self._idle, deque()
        return taken

    def _on_tick(self, due_ns: int) -> None:
        if not self._left:
            return
        self._left -= 1
        self._in_flight += 1
        # A call that finds every connection busy waits, and its time counts from when it was due: a slow answer is not
        # allowed to hide the calls behind it ("coordinated omission").
        if self._idle:
            self._idle.popleft().send(next(self._requests), due_ns)
        else:
            self._overdue.append(due_ns)

    def _freed(self, connection: Connection) -> None:
        """Gives the connection its next call, or lets it rest."""
        if self._paced:
            if self._overdue:
                connection.send(next(self._requests), self._overdue.popleft())
                return
        elif self._left:
            self._left -= 1
            self._in_flight += 1
            connection.send(next(self._requests), time.monotonic_ns())
            return
        self._idle.append(connection)
        if not self._left and not self._in_flight:
            self._finished.set()

    def _on_answer(self, connection: Connection, answer: Answer) -> None:
        self._in_flight -= 1
        if answer.problem:
            self._problems[answer.problem] += 1
            if self._problems.total() > _TOO_MANY_PROBLEMS:
                self._left = 0
        else:
            self._times.append(answer.done_ns - connection.started_ns)
            self._first_bytes.append(answer.first_byte_ns - connection.started_ns)
            if answer.done_ns > self._deadline_ns and not self._paced:
                self._left = 0
        if answer.keeps_connection:
            self._freed(connection)
        else:
            connection.close()
            self._reconnect()

    def _on_lost(self, connection: Connection) -> None:
        self._idle.remove(connection)
        self._reconnect()

    def _reconnect(self) -> None:
        task = self._loop.create_task(self._replace())
        self._reconnecting.add(task)
        task.add_done_callback(self._reconnecting.discard)

    async def _replace(self) -> None:
        try:
            connection = await self._connect()
        except OSError as error:
            # Nobody is left to ask: what is due can only be counted as lost.
            self._problems[f"no connection: {error}"] += 1
            self._left = 0
            self._finished.set()
            return
        self._freed(connection)

    async def _connect(self) -> Connection:
        _, connection = await self._loop.create_connection(
            lambda: Connection(self._on_answer, self._on_lost, stream=self._job.stream), "127.0.0.1", self._job.port
        )
        return connection


def _requests(job: Job) -> list[bytes]:
    keys: list[str | None] = [None]
    if job.keys_file is not None:
        keys = list(Path(job.keys_file).read_text().split())
    return [workload.request(f"127.0.0.1:{job.port}", job.path, key, stream=job.stream) for key in keys]


async def serve(job: Job) -> None:
    """Opens, says `ready`, waits for a line, runs, prints the outcome."""
    load = Load(job)
    await load.open()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    outcome = await load.run()
    print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    gc.disable()  # a collection here would show as a slow answer there
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Job(**json.loads(sys.stdin.readline()))))
