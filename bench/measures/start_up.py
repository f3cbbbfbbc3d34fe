"""How long the gateway takes to its first 200 on a data directory that it knows, and what it then holds in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench import house, process_tree
from bench.house import House
from bench.process_tree import Memory
from bench.quantiles import median
from bench.rig import Rig


@dataclass(frozen=True)
class StartUp:
    """Seconds from starting the command to the first 200 of /healthz; `seconds` is the median."""

    seconds: float
    each: tuple[float, ...]
    memory_at_rest: Memory


def measure(rig: Rig, home: House) -> StartUp:
    each = tuple(house.start_up_seconds(home, rig.work) for _ in range(rig.options.startups))
    with house.gateway(home, rig.work, rig.cores.proxy, "startup") as gateway:
        time.sleep(2)
        at_rest = process_tree.memory(gateway.pid)
    return StartUp(median(each), each, at_rest)
