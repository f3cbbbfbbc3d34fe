"""What all measures share: the options, a folder, the cores, the upstream, and nginx in front of it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import nginx, processes, targets, workload
from bench.options import Options
from bench.targets import Target


@dataclass(frozen=True)
class Rig:
    """`upstream` and `nginx` run for the whole of it; `others` are the gateways named on the command line."""

    options: Options
    work: Path
    cores: processes.Cores
    upstream: Target
    nginx: Target
    others: tuple[Target, ...]

    @property
    def log(self) -> Path:
        """Where the load generators complain."""
        return self.work / "load.log"

    @property
    def upstream_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream.port}/v1"


@contextmanager
def assembled(options: Options) -> Iterator[Rig]:
    """A rig in a new folder under `options.work`; nothing of it is left afterwards."""
    options.work.mkdir(parents=True, exist_ok=True)
    cores = processes.Cores.of_this_machine()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.work, prefix="run-")))
        upstream = stack.enter_context(_upstream(options.upstream_port, work, cores))
        yardstick = stack.enter_context(nginx.proxy(upstream.port, work, cores))
        url = f"http://127.0.0.1:{upstream.port}/v1"
        others = [stack.enter_context(targets.other(given, url, work, cores)) for given in options.others]
        yield Rig(options, work, cores, upstream, yardstick, tuple(others))


@contextmanager
def _upstream(port: int | None, work: Path, cores: processes.Cores) -> Iterator[Target]:
    port = port or processes.free_port()
    log = work / "upstream.log"
    argv = [sys.executable, "-m", "bench.upstream", str(port)]
    with processes.running(processes.start(argv, log, cores=cores.load, pipes=True)) as process:
        processes.wait_for_200(port, "/v1/models", process, log)
        yield Target("upstream", port, "/v1" + workload.RESOURCE, process.pid)
