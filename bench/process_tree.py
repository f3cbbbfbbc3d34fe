"""CPU time and memory of a process and everything below it, as Linux accounts for them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_SCHEDULER_CLOCK = 2


@dataclass(frozen=True)
class Memory:
    """Bytes. `rss` counts a shared page once for each process, `pss` once in all; None where the kernel keeps it to itself."""

    rss: int
    pss: int | None


class _Stat(NamedTuple):
    parent: int
    own_ticks: int
    reaped_ticks: int


def members(pid: int) -> list[int]:
    """The process and its living descendants; empty if it is gone."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        stat = _stat(int(entry.name)) if entry.name.isdecimal() else None
        if stat is not None:
            children.setdefault(stat.parent, []).append(int(entry.name))
    found = [pid] if _stat(pid) else []
    for member in found:
        found += children.get(member, [])
    return found


def cpu_ns(pid: int) -> int:
    """User and system time of the tree so far, with children that ended and were waited for, in nanoseconds.

    Living processes are read from their CPU clock (clock_getcpuclockid(3)), which counts every thread, ended ones too, in
    nanoseconds; /proc/PID/stat has the same sum in ticks of 10 ms, too coarse for a round of a tenth of a second.
    """
    total = 0
    for member in members(pid):
        stat = _stat(member)
        if stat is not None:
            total += _own_ns(member, stat) + stat.reaped_ticks * _TICK_NS
    return total


def memory(pid: int) -> Memory:
    """What the tree holds in memory now."""
    rss, pss = 0, 0
    readable = True
    for member in members(pid):
        try:
            fields = _fields(Path(f"/proc/{member}/smaps_rollup"))
        except OSError:
            readable = False
            fields = _fields(Path(f"/proc/{member}/status"))
        rss += fields.get("Rss", fields.get("VmRSS", 0))
        pss += fields.get("Pss", 0)
    return Memory(rss, pss if readable else None)


def _own_ns(pid: int, stat: _Stat) -> int:
    try:
        return time.clock_gettime_ns((~pid << 3) | _SCHEDULER_CLOCK)
    except OSError:
        return stat.own_ticks * _TICK_NS


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command, in parentheses, may hold spaces and parentheses itself: fields are counted from behind it.
    fields = text.rpartition(")")[2].split()
    return _Stat(int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))


def _fields(path: Path) -> dict[str, int]:
    """`Name:   123 kB` lines, in bytes."""
    found = {}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            found[name] = int(rest[:-3]) * 1024
    return found
