"""A million keys in the store, ten thousand of them in use, against ten keys: the same calls, turn by turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import house, process_tree, rounds
from bench.bulk_keys import Digest, insert_keys
from bench.house import House
from bench.load import Job
from bench.measures import start_up
from bench.measures.start_up import StartUp
from bench.process_tree import Memory
from bench.rig import Rig
from bench.rounds import Series
from bench.targets import Target, write_keys

_CONTROL_FILE = "keyhouse.db"
_FEW = 10
_CONNECTIONS = 32
_CALLS_A_KEY = 5
"""In a round, at the least. At this load, rollups that come when they are due find about twice as many rows of each key."""


@dataclass(frozen=True)
class ManyKeys:
    """`cpu_ratio`: CPU a call of the house with many keys as a multiple of the one with few, the median over the turns."""

    keys: int
    keys_in_use: int
    few_keys: int
    series: dict[str, Series]
    cpu_ratio: float
    start_up_few: StartUp
    start_up_many: StartUp
    memory_few: Memory
    memory_many: Memory


def measure(rig: Rig, digest_of: Callable[[Path], Digest]) -> ManyKeys:
    """Both houses are open at once and take turns; in each round every key in use is met once before anything is counted.

    `digest_of` gives, for a data directory, the digests that its gateway will look for.
    """
    wanted = rig.options
    few = _house(rig, "few", _FEW, _FEW, digest_of)
    many = _house(rig, "many", wanted.keys, wanted.keys_in_use, digest_of)
    start_up_few, start_up_many = start_up.measure(rig, few), start_up.measure(rig, many)
    with (
        house.gateway(few, rig.work, rig.cores.proxy, "few keys") as target_few,
        house.gateway(many, rig.work, rig.cores.proxy, "many keys") as target_many,
    ):
        series = rounds.alternate(rig, [target_few, target_many], lambda target: _job(rig, target))
        memory_few, memory_many = process_tree.memory(target_few.pid), process_tree.memory(target_many.pid)
    ratio = rounds.median_ratio(series[target_many.name], series[target_few.name], lambda one: one.cpu_us_per_call)
    return ManyKeys(
        keys=wanted.keys,
        keys_in_use=wanted.keys_in_use,
        few_keys=_FEW,
        series=series,
        cpu_ratio=ratio,
        start_up_few=start_up_few,
        start_up_many=start_up_many,
        memory_few=memory_few,
        memory_many=memory_many,
    )


def _house(rig: Rig, name: str, keys: int, in_use: int, digest_of: Callable[[Path], Digest]) -> House:
    home = house.found(name, rig.upstream_url, rig.work)
    first = home.keys_file.read_text()
    secrets = insert_keys(home.data / _CONTROL_FILE, first, keys, digest_of(home.data), in_use)
    write_keys(home.keys_file, secrets)
    return home


def _job(rig: Rig, target: Target) -> Job:
    calls = max(rig.options.calls_a_round, _CALLS_A_KEY * rig.options.keys_in_use)
    return Job(target.port, target.path, str(target.keys_file), False, _CONNECTIONS, calls, rig.options.keys_in_use)
