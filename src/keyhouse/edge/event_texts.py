"""What the model wrote in the events of one stream.

Such events differ in little but a string. Once one was read whole, the frame around that string is known: of an event in the same
frame the string is cut out, which takes a fraction of the time. What does not fit is parsed.
"""

from __future__ import annotations

from collections.abc import Iterable

from keyhouse.ledger.meter import texts_in

_PROBE = "probe"
_FRAMES_TRIED = 8
"""A stream whose events come in so many frames is one of another kind."""


class EventTexts:
    """Remembers the frame of one stream's events."""

    __slots__ = ("_after", "_before", "_framed", "_tried")

    def __init__(self) -> None:
        self._before = self._after = b""
        self._framed = 0
        """Bytes of the frame; 0: none is known."""
        self._tried = 0

    def read(self, pieces: Iterable[bytes]) -> list[str]:
        """The texts in pieces of whole events each, in their order."""
        texts: list[str] = []
        for piece in pieces:
            framed = self._framed
            if framed and len(piece) >= framed and piece.startswith(self._before) and piece.endswith(self._after):
                text = _plain(piece[len(self._before) : -len(self._after)])
                if text is not None:
                    if text:
                        texts.append(text)
                    continue
            texts += self._parsed(piece)
        return texts

    def _parsed(self, piece: bytes) -> list[str]:
        events = [event for event in piece.replace(b"\r\n", b"\n").split(b"\n\n") if event]
        texts = [text for event in events for text in texts_in(payload(event))]
        if len(events) == len(texts) == 1 and self._tried < _FRAMES_TRIED:
            self._tried += 1
            self._frame(piece, b'"' + texts[0].encode("utf-8", "replace") + b'"')
        return texts

    def _frame(self, piece: bytes, string: bytes) -> None:
        """Takes what is around the string for the frame, if another string in it is read as that one was."""
        if piece.count(string) != 1:
            return
        before, after = piece.split(string)
        before, after = before + b'"', b'"' + after
        if texts_in(payload(before + _PROBE.encode() + after)) == [_PROBE]:
            self._before, self._after, self._framed = before, after, len(before) + len(after)


def payload(event: bytes) -> bytes:
    """The event's data, its lines joined (WHATWG HTML, 9.2.6)."""
    if event.startswith(b"data:") and b"\n" not in event.rstrip():
        return event[5:].strip()
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)


def _plain(string: bytes) -> str | None:
    """The text that a JSON string of these bytes is, if it is the same; None where a parser has to say."""
    try:
        text = string.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and '"' not in text and "\\" not in text else None
