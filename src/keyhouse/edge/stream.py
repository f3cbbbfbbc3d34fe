"""A stream of server-sent events on its way through: forwarded as it came, counted on the way, its end held back.

1. Only whole events are forwarded; an event that is still arriving waits for its end.
2. `data: [DONE]` and what follows is held back: it leaves when the call's usage row is durable.
3. Usage that the client did not ask for is taken out again: the extra last chunk, and `"usage":null` in the others.
4. What was relayed is kept only as far as it takes to count its tokens should the upstream never report them.
"""

from __future__ import annotations

import re

from keyhouse.domain.usage import TokenUsage
from keyhouse.edge.event_texts import EventTexts, payload
from keyhouse.ledger.meter import read_counts, tokens_of

_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)", re.DOTALL)
_DONE = b"[DONE]"
_FINISH_REASON = re.compile(rb'"finish_reason"\s*:\s*"')
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null|"usage"\s*:\s*null\s*,\s*')
_FOLD_AFTER = 64 << 10
_MAX_EVENT = 8 << 20


class EventTooLong(Exception):  # noqa: N818 - named for what it is
    """An event that does not end."""


class EventStream:
    """The state of one stream. `usage` is what the upstream reported last; `done` that it said it was finished."""

    __slots__ = (
        "_asked",
        "_finish_seen",
        "_fold_at",
        "_kept",
        "_reader",
        "_tail",
        "_texts",
        "_unremarkable",
        "done",
        "events",
        "failed",
        "held",
        "model",
        "service_tier",
        "size",
        "smallest",
        "usage",
    )

    def __init__(self, *, usage_asked_by_client: bool) -> None:
        self._asked = usage_asked_by_client
        self._finish_seen = False
        self._tail = b""
        self._kept: list[bytes] = []
        self._reader: EventTexts | None = None
        self._fold_at = _FOLD_AFTER
        self._texts: list[str] = []
        self.size = 0
        """Bytes of the events so far."""
        self.smallest = _MAX_EVENT
        self._unremarkable = False
        """Whether a piece without a mark may pass unread: the first chunk, which names the model, has been seen."""
        self.model: str | None = None
        self.service_tier: str | None = None
        self.usage: TokenUsage | None = None
        self.done = False
        self.failed = False
        self.held = b""
        """What is left to send when the call is settled."""
        self.events = 0

    def feed(self, data: bytes) -> bytes:
        """What may be forwarded now that `data` has arrived. Raises `EventTooLong`."""
        if self._tail:
            data = self._tail + data
            self._tail = b""
        # Nearly every piece is whole events of plain text: that is decided by looking for four marks. With `find`: on bytes, `in`
        # first raises and drops a TypeError, which costs more than the search.
        find = data.find
        if (
            self._unremarkable
            and data.endswith(b"\n\n")
            and find(b'"usage"') < 0
            and find(_DONE) < 0
            and find(b'"error"') < 0
        ):
            size = len(data)
            if size < self.smallest:  # noqa: PLR1730 - this runs for every chunk, and a call of `min` costs more
                self.smallest = size
            self.events += data.count(b"\n\n")
            self.size += size
            self._kept.append(data)
            if self.size > self._fold_at:
                self._fold()
            return data
        return self._closely(data)

    def finish(self) -> None:
        """The upstream has ended the stream, with or without `[DONE]`: an unfinished event is held for the end."""
        self.held += self._tail
        self._tail = b""

    @property
    def content_bytes(self) -> int:
        """About how many bytes of content were relayed: what all events hold beyond the size of the smallest one."""
        beyond = self.size - self.events * self.smallest
        return beyond if beyond > 0 else 0  # noqa: FURB136 - for every chunk

    def is_whole(self) -> bool:
        """Whether the upstream said that the model had finished. Where nothing frames a stream, that tells its end from a cut."""
        return self.done or self._finish_seen or any(map(_FINISH_REASON.search, self._kept))

    def texts(self) -> list[str]:
        """What the model wrote, as far as it was relayed."""
        self._fold()
        return self._texts

    def _closely(self, data: bytes) -> bytes:
        if self.done:
            return b""
        if data[-2:] != b"\n\n":
            end = _end_of_last_event(data)
            self._tail = data[end:]
            if len(self._tail) > _MAX_EVENT:
                raise EventTooLong
            data = data[:end]
        if not data:
            return b""
        if not self._unremarkable or _DONE in data or b'"error"' in data or self._reports_usage(data):
            data = b"".join([event for event in _EVENT.findall(data) if self._look_at(event)])
            self._unremarkable = self.model is not None and not self.done
        if not self._asked and b'"usage"' in data:
            data = _without_null_usage(data)
        if data:
            self._count(data)
        return data

    def _reports_usage(self, data: bytes) -> bool:
        return b'"usage"' in data and data.count(b'"usage"') != data.count(b'"usage":null')

    def _look_at(self, event: bytes) -> bool:
        """Reads one event; whether it is forwarded."""
        data = payload(event)
        if self.done or data == _DONE:
            self.held += event
            self.done = True
            return False
        counted = read_counts(data) if data else None
        if counted is None:
            return True
        self.model = self.model or counted.model
        self.service_tier = counted.service_tier or self.service_tier
        if data.startswith((b'{"error"', b'{ "error"', b'{"type":"error"')):
            self.failed = True
        tokens = tokens_of(counted)
        if tokens is not None:
            self.usage = tokens
        return self._asked or tokens is None or bool(counted.choices)

    def _count(self, data: bytes) -> None:
        size = len(data)
        self.smallest = min(self.smallest, size)
        self.events += data.count(b"\n\n") or data.count(b"\r\n\r\n") or 1
        self.size += size
        self._kept.append(data)
        if self.size > self._fold_at:
            self._fold()

    def _fold(self) -> None:
        self._finish_seen = self.is_whole()
        if self._kept:
            if self._reader is None:
                self._reader = EventTexts()
            self._texts += self._reader.read(self._kept)
        self._kept.clear()
        self._fold_at = self.size + _FOLD_AFTER


def _without_null_usage(data: bytes) -> bytes:
    """Without the member that says that usage is not known yet. Within a string its quotes would be escaped."""
    data = data.replace(b',"usage":null', b"")  # as nearly everybody writes it, and ten times as fast
    return _NULL_USAGE.sub(b"", data) if b'"usage"' in data else data


def _end_of_last_event(data: bytes) -> int:
    ends = [at + len(blank) for blank in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := data.rfind(blank)) >= 0]
    return max(ends, default=0)
