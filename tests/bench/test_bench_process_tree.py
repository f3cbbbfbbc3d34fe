"""CPU time and memory of a tree of processes, against what those processes say of themselves."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench import process_tree

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="The benchmarks read /proc: they need Linux."
)

_SPEND = "import time\nwhile time.process_time() < {seconds}: pass\n"
_REPORT = "print(time.process_time(), flush=True)\ninput()\n"
_GRANDCHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])\n"


@contextmanager
def python(code: str) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """A Python that has run this code, and what it then printed as a number."""
    argv = [sys.executable, "-c", code + _REPORT]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, float(process.stdout.readline())
        process.kill()


def test_cpu_time_is_what_the_process_itself_counts() -> None:
    with python(_SPEND.format(seconds=0.25)) as (process, spent):
        assert process_tree.cpu_ns(process.pid) / 1e9 == pytest.approx(spent, abs=0.02)


def test_cpu_time_of_a_child_that_has_ended_still_counts() -> None:
    code = _GRANDCHILD.format(code=_SPEND.format(seconds=0.25)) + "import time\n"
    with python(code) as (process, spent_by_itself):
        assert process_tree.cpu_ns(process.pid) / 1e9 - spent_by_itself >= 0.24


def test_living_descendants_belong_to_the_tree() -> None:
    code = "import subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
    with python(code) as (process, _):
        assert len(process_tree.members(process.pid)) == 2
        memory = process_tree.memory(process.pid)
        assert memory.rss > 10_000_000
        assert memory.pss is not None
        assert memory.pss < memory.rss


def test_a_process_that_is_gone_has_no_members() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    deadline = time.monotonic() + 5
    while process_tree.members(process.pid) and time.monotonic() < deadline:
        pass
    assert process_tree.members(process.pid) == []
