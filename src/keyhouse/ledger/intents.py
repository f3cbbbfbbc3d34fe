"""Calls under way, on disk before the upstream hears of them: what survives `kill -9`.

A file of fixed slots, mapped shared: writing is a copy into the page cache, with no system call, and the page cache outlives
the process. Nothing is synced, so a power cut may lose or tear slots; a torn one shows in its checksum and is dropped.

    slot 0       magic, version, slot size
    slot 1 …     state · payload length · checksum · events relayed · content bytes relayed · payload (an Intent, msgpack)

The state byte is written last when a call begins, and first when it ends: a kill in between leaves a free slot.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError

INTENTS_FILE = "inflight.bin"
"""Its name in the data directory."""
SLOT_BYTES = 1024
_MAGIC = b"KHINTENT"
_VERSION = 1
_FILE_HEAD = struct.Struct("<8sII")
_HEAD = struct.Struct("<BxHIQQ")
_PROGRESS = struct.Struct("<QQ")
_PROGRESS_AT = 8
_PAYLOAD_AT = _HEAD.size
_PAYLOAD_BYTES = SLOT_BYTES - _PAYLOAD_AT
_FREE, _BUSY = 0, 1


class Intent(NamedTuple):
    """A call that is about to be sent upstream: what its usage row needs if nobody is left to write it.

    `admitted_at_us`: microseconds since 1970. `input_tokens`: the estimate made at admission.
    """

    request_id: str
    admitted_at_us: int
    organization_id: str
    project_id: str
    user_id: str | None
    service_account_id: str | None
    key_id: str
    public_id: str
    client_request_id: str | None
    operation: str
    model_asked: str | None
    upstream: str | None
    streamed: int
    input_tokens: int


class LeftOver(NamedTuple):
    """A call that was under way when the last gateway ended. `events`: content events relayed to the client."""

    slot: int
    intent: Intent
    events: int
    content_bytes: int


class Intents:
    """The slots of one data directory, which one gateway at a time may use. For one thread: the loop's.

    Raises `KeyhouseError` (conflict) if another process holds the file, or if its layout is not this one.
    """

    def __init__(self, path: Path, slots: int = 1024) -> None:
        self.torn = 0
        """Slots dropped because a power cut left them incomplete."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, self._fd)
            _lock(self._fd, path)
            self._size = _prepare(self._fd, path, slots)
            undo.pop_all()
        self._map = mmap.mmap(self._fd, self._size)
        self._encode = msgspec.msgpack.Encoder().encode
        self._free: list[int] = []
        self._left_over: dict[int, LeftOver] = {}
        self._scan()

    def begin(self, intent: Intent) -> int:
        """Writes the intent; returns its slot. Raises `ledger_unavailable` if the disk has no room for another slot."""
        if not self._free:
            self._grow()
        payload = self._encode(intent)
        if len(payload) > _PAYLOAD_BYTES:
            payload = self._encode(_shortened(intent))
        slot = self._free.pop()
        at = slot * SLOT_BYTES
        start = at + _PAYLOAD_AT
        self._map[start : start + len(payload)] = payload
        _HEAD.pack_into(self._map, at, _FREE, len(payload), zlib.crc32(payload), 0, 0)
        self._map[at] = _BUSY
        return slot

    def relayed(self, slot: int, events: int, content_bytes: int) -> None:
        """How much of the answer has gone to the client so far: totals, not differences."""
        _PROGRESS.pack_into(self._map, slot * SLOT_BYTES + _PROGRESS_AT, events, content_bytes)

    def end(self, slot: int) -> None:
        """Frees the slot: the call's usage row is durable, or the call never reached an upstream."""
        at = slot * SLOT_BYTES
        if self._map[at] == _BUSY:
            self._map[at] = _FREE
            self._free.append(slot)
            if self._left_over:
                self._left_over.pop(slot, None)

    def left_over(self) -> list[LeftOver]:
        """What the file held when it was opened, but for what has ended since; ordered by slot."""
        return [self._left_over[slot] for slot in sorted(self._left_over)]

    def close(self) -> None:
        self._map.close()
        os.close(self._fd)

    def _scan(self) -> None:
        for slot in reversed(range(1, self._size // SLOT_BYTES)):
            at = slot * SLOT_BYTES
            if self._map[at] == _FREE:
                self._free.append(slot)
                continue
            left_over = self._read(slot)
            if left_over is None:
                self.torn += 1
                self._map[at] = _FREE
                self._free.append(slot)
            else:
                self._left_over[slot] = left_over

    def _read(self, slot: int) -> LeftOver | None:
        at = slot * SLOT_BYTES
        state, length, checksum, events, content_bytes = _HEAD.unpack_from(self._map, at)
        payload = self._map[at + _PAYLOAD_AT : at + _PAYLOAD_AT + min(length, _PAYLOAD_BYTES)]
        if state != _BUSY or zlib.crc32(payload) != checksum:
            return None
        try:
            return LeftOver(slot, msgspec.msgpack.decode(payload, type=Intent), events, content_bytes)
        except msgspec.MsgspecError:
            return None

    def _grow(self) -> None:
        """Twice the slots. A second mapping of the file, because not every system can stretch one."""
        first, size = self._size // SLOT_BYTES, self._size * 2
        try:
            _allocate(self._fd, self._size, size)
        except OSError as error:
            raise KeyhouseError(
                ErrorCode.LEDGER_UNAVAILABLE, "Usage cannot be recorded: the disk has no room. So no call is served."
            ) from error
        grown = mmap.mmap(self._fd, size)
        self._map.close()
        self._map, self._size = grown, size
        self._free.extend(reversed(range(first, size // SLOT_BYTES)))


def count_left_over(path: Path) -> int:
    """Calls in the file, read without taking it: what a crash left, if no gateway runs. 0 if there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    slots = (content[at : at + SLOT_BYTES] for at in range(SLOT_BYTES, len(content) - SLOT_BYTES + 1, SLOT_BYTES))
    return sum(1 for slot in slots if slot[0] == _BUSY and _is_whole(slot))


def _is_whole(slot: bytes) -> bool:
    _, length, checksum, _, _ = _HEAD.unpack_from(slot)
    return bool(zlib.crc32(slot[_PAYLOAD_AT : _PAYLOAD_AT + min(length, _PAYLOAD_BYTES)]) == checksum)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise KeyhouseError(
            ErrorCode.CONFLICT,
            f"Another Keyhouse gateway is running on '{path.parent}'. Stop it, or name another data directory.",
        ) from None


def _prepare(fd: int, path: Path, slots: int) -> int:
    """Makes the file one of our layout, if it is new; returns its size in bytes."""
    head = os.pread(fd, _FILE_HEAD.size, 0)
    if len(head) == _FILE_HEAD.size and any(head):
        if _FILE_HEAD.unpack(head) != (_MAGIC, _VERSION, SLOT_BYTES):
            raise KeyhouseError(
                ErrorCode.CONFLICT, f"'{path}' was not written by this version of Keyhouse. Start the version that did."
            )
    else:
        os.pwrite(fd, _FILE_HEAD.pack(_MAGIC, _VERSION, SLOT_BYTES), 0)
    present = os.fstat(fd).st_size // SLOT_BYTES * SLOT_BYTES
    size = max(present, (slots + 1) * SLOT_BYTES)
    _allocate(fd, max(present, _FILE_HEAD.size), size)
    return size


def _allocate(fd: int, start: int, end: int) -> None:
    # Zeros are written, not implied: a full disk must fail here, and not with SIGBUS under a later write to the mapping.
    while start < end:
        start += os.pwrite(fd, bytes(min(end - start, 1 << 20)), start)


def _shortened(intent: Intent) -> Intent:
    """Without what others may make long: the call goes on, its row would lack the client's id and end of a model's name."""
    model, upstream = intent.model_asked, intent.upstream
    return intent._replace(
        client_request_id=None, model_asked=model and model[:64], upstream=upstream and upstream[:32]
    )
