"""How busy the machine was with something else while we measured."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path

from bench.process_tree import cpu_ns

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Bystanders:
    """Watches from its making on. `ours` are processes of the run that this one did not start."""

    def __init__(self, ours: Collection[int] = ()) -> None:
        self._roots = (os.getpid(), *ours)
        self._began_ns = time.monotonic_ns()
        self._others_at_first_ns = self._others_ns()

    def cores_used(self) -> float:
        """Cores' worth of CPU time that other processes took so far; 0.05 is a quiet machine."""
        used = self._others_ns() - self._others_at_first_ns
        return max(0.0, used / (time.monotonic_ns() - self._began_ns))

    def _others_ns(self) -> int:
        return _machine_ns() - sum(cpu_ns(pid) for pid in self._roots)


def _machine_ns() -> int:
    """User, nice, system and interrupt time of all cores, from the first line of /proc/stat (proc_stat(5))."""
    user, nice, system, _idle, _iowait, irq, softirq = (int(n) for n in _first_line().split()[1:8])
    return (user + nice + system + irq + softirq) * _TICK_NS


def _first_line() -> str:
    with Path("/proc/stat").open() as file:
        return file.readline()
