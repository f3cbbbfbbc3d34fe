"""What a disk holds after a power cut: all that was synced, and of the rest what the loss model leaves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import assert_never

from tests.ledger.powercut.vfs import Acknowledged, Delete, Event, Sync, SyncFolder, Truncate, Write

SECTOR = 512
Change = Write | Truncate | Delete


class Loss(Enum):
    ALL = "all that was not synced is lost"
    SUBSET = "of what was not synced, any subset of sectors is lost"
    TORN = "what was not synced is there up to some write, which is torn at a sector"


class Disk:
    """Plays events back. A file's name is as durable as its content: the first sync of a new file makes both so."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._synced: dict[str, bytearray | None] = {name: bytearray(data) for name, data in files.items()}
        self._unsynced: dict[str, list[tuple[int, Change]]] = {}

    def play(self, number: int, event: Event) -> None:
        """`number`: the event's place in the record."""
        match event:
            case Acknowledged():
                return
            case Sync(file, began_at):
                self._settle(file, began_at)
            case SyncFolder(began_at):
                for file in self._unsynced:
                    self._settle(file, self._name_gone_at(file, began_at))
            case Write(file) | Truncate(file) | Delete(file):
                self._unsynced.setdefault(file, []).append((number, event))
            case _:
                assert_never(event)

    def after_cut(self, loss: Loss, dice: random.Random) -> dict[str, bytes]:
        """The files that a machine would find when it starts again."""
        found: dict[str, bytes] = {}
        for name in self._synced.keys() | self._unsynced.keys():
            synced = self._synced.get(name)
            content = None if synced is None else bytearray(synced)
            changes = [change for _, change in self._unsynced.get(name, [])]
            for change in _survivors(changes, loss, dice):
                content = _changed(content, change)
            if content is not None:
                found[name] = bytes(content)
        return found

    def _settle(self, file: str, before: int) -> None:
        content = self._synced.get(file)
        changes = self._unsynced.get(file, [])
        for number, change in changes:
            if number < before:
                content = _changed(content, change)
        self._synced[file] = content
        self._unsynced[file] = [(number, change) for number, change in changes if number >= before]

    def _name_gone_at(self, file: str, before: int) -> int:
        """Behind the last deletion before that number; 0 if there is none."""
        changes = self._unsynced[file]
        return max((n + 1 for n, change in changes if n < before and isinstance(change, Delete)), default=0)


def _survivors(changes: list[Change], loss: Loss, dice: random.Random) -> Iterator[Change]:
    match loss:
        case Loss.ALL:
            return
        case Loss.TORN:
            whole = dice.randint(0, len(changes))
            yield from changes[:whole]
            if whole < len(changes) and isinstance(torn := changes[whole], Write):
                kept = dice.randrange(0, len(torn.data) + 1, SECTOR)
                yield torn._replace(data=torn.data[:kept])
        case Loss.SUBSET:
            kept_share = dice.choice((0.1, 0.5, 0.9))
            for change in changes:
                if isinstance(change, Write):
                    yield from (sector for sector in _sectors(change) if dice.random() < kept_share)
                elif dice.random() < kept_share:
                    yield change
                elif isinstance(change, Delete):
                    return  # the old file is still there, and the new one of its name never was
        case _:
            assert_never(loss)


def _sectors(write: Write) -> Iterator[Write]:
    start = 0
    while start < len(write.data):
        end = min(len(write.data), start + SECTOR - (write.offset + start) % SECTOR)
        yield Write(write.file, write.offset + start, write.data[start:end])
        start = end


def _changed(content: bytearray | None, change: Change) -> bytearray | None:
    match change:
        case Delete():
            return None
        case Truncate(_, size):
            content = bytearray() if content is None else content
            del content[size:]
            content.extend(bytes(size - len(content)))
            return content
        case Write(_, offset, data):
            content = bytearray() if content is None else content
            content.extend(bytes(max(offset - len(content), 0)))
            content[offset : offset + len(data)] = data
            return content
        case _:
            assert_never(change)
