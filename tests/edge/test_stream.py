"""A stream on its way through, whatever the pieces in which it arrives, beside an oracle that sees it whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keyhouse.domain.usage import TokenUsage
from keyhouse.edge.stream import _MAX_EVENT, EventStream, EventTooLong

DONE = b"data: [DONE]"
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
COMPACT, SPACED = (",", ":"), (", ", ": ")


@dataclass(frozen=True)
class Event:
    """One event without its end: as it comes, as a client sees it that did not ask for usage (None: not at all), its text."""

    raw: bytes
    unasked: bytes | None
    text: str = ""
    reports: bool = False


def chunk(separators: tuple[str, str] = COMPACT, **more: Any) -> bytes:
    facts = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024", **more}
    return b"data: " + json.dumps(facts, separators=separators, ensure_ascii=False).encode()


def written(text: str) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": {"content": text}, "finish_reason": None}]


texts = st.text(max_size=8) | st.sampled_from(
    [',"usage":null', "[DONE]", '"error"', "data: [DONE]", '{"usage":{}}', "\n\n", "\r\n\r\n"]
)
spellings = st.sampled_from([COMPACT, SPACED])


@st.composite
def contents(draw: st.DrawFn) -> Event:
    """A chunk of text, which may say that nothing is known of usage yet, at the end, in the middle or at the beginning."""
    text, separators = draw(texts), draw(spellings)
    plain = chunk(separators, choices=written(text))
    where = draw(st.sampled_from(["nowhere", "end", "middle", "front"]))
    if where == "nowhere":
        return Event(plain, plain, text)
    if where == "end":
        return Event(chunk(separators, choices=written(text), usage=None), plain, text)
    if where == "middle":
        return Event(chunk(separators, usage=None, choices=written(text)), plain, text)
    null = b'{"usage"' + separators[1].encode() + b"null" + separators[0].encode()
    return Event(plain.replace(b"{", null, 1), plain, text)


usages = spellings.map(lambda separators: Event(chunk(separators, choices=[], usage=USAGE), None, reports=True))
others = st.sampled_from(
    [b": ping", b"event: ping\ndata: {}", b"data: nonsense", b"data:", b"id: 7", b"retry: 10"]
).map(lambda raw: Event(raw, raw))
first = texts.map(lambda text: Event(chunk(choices=written(text)), chunk(choices=written(text)), text))


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """A chunk that names the model, others, perhaps the usage, and `[DONE]` or not."""
    events = [*draw(st.lists(others, max_size=1)), draw(first), *draw(st.lists(contents() | others, max_size=8))]
    events += draw(st.lists(usages, max_size=1))
    return [*events, *([Event(DONE, DONE)] if draw(st.booleans()) else [])]


ends = st.sampled_from([b"\n", b"\r\n"])
cuts = st.lists(st.integers(0, 10_000), max_size=12)


def pieces(data: bytes, at: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in at)})
    return [data[start:end] for start, end in pairwise(places)]


def whole(events: Sequence[bytes], end: bytes) -> bytes:
    return b"".join(event.replace(b"\n", end) + end + end for event in events)


def through(stream: EventStream, parts: Sequence[bytes]) -> bytes:
    return b"".join([stream.feed(part) for part in parts])


# --- whatever the pieces ---


@given(streams(), ends, cuts, st.booleans())
@example([Event(chunk(choices=[]), chunk(choices=[])), Event(DONE, DONE)], b"\r\n", [-1, -2, -3], True)
def test_what_passes_is_the_oracles_in_whatever_pieces_it_comes(
    events: list[Event], end: bytes, at: list[int], asked: bool
) -> None:
    stream = EventStream(usage_asked_by_client=asked)
    passed = through(stream, pieces(whole([event.raw for event in events], end), at))
    stream.finish()
    seen = [event.raw if asked else event.unasked for event in events]
    body = [raw for raw in seen if raw not in {None, DONE}]
    assert passed == whole([raw for raw in body if raw is not None], end)
    assert stream.done == (events[-1].raw == DONE)
    assert stream.held == (whole([DONE], end) if stream.done else b"")
    assert stream.model == "gpt-4o-2024"
    reported = any(event.reports for event in events)
    assert stream.usage == (TokenUsage(input_tokens=9, output_tokens=4) if reported else None)
    assert "".join(stream.texts()) == "".join(event.text for event in events)


@given(streams(), ends, cuts, cuts, st.booleans())
def test_two_ways_of_cutting_a_stream_leave_the_same_bytes(
    events: list[Event], end: bytes, one: list[int], other: list[int], asked: bool
) -> None:
    data = whole([event.raw for event in events], end) + b"data: unfinished"
    results = []
    for at in (one, other, range(len(data))):
        stream = EventStream(usage_asked_by_client=asked)
        passed = through(stream, pieces(data, at))
        stream.finish()
        results.append(passed + (b"" if stream.done else stream.held))
    assert results[0] == results[1] == results[2]


@given(st.binary(max_size=200), cuts, st.booleans())
def test_whatever_bytes_come_none_is_added_and_without_a_mark_none_is_lost(
    data: bytes, at: list[int], asked: bool
) -> None:
    stream = EventStream(usage_asked_by_client=asked)
    passed = through(stream, pieces(data, at))
    stream.finish()
    if b"usage" not in data and b"[DONE]" not in data:
        assert passed + stream.held == data
    stream.texts()


# --- rule by rule ---


def test_usage_that_was_not_asked_for_is_counted_and_not_seen() -> None:
    stream = EventStream(usage_asked_by_client=False)
    data = whole([chunk(choices=written("hi"), usage=None), chunk(choices=[], usage=USAGE), DONE], b"\n")
    assert stream.feed(data) == whole([chunk(choices=written("hi"))], b"\n")
    assert stream.usage == TokenUsage(input_tokens=9, output_tokens=4)
    assert stream.held == DONE + b"\n\n"


def test_usage_that_was_asked_for_passes_byte_for_byte() -> None:
    stream = EventStream(usage_asked_by_client=True)
    events = [chunk(choices=written("hi"), usage=None), chunk(SPACED, choices=[], usage=USAGE)]
    assert stream.feed(whole([*events, DONE], b"\n")) == whole(events, b"\n")
    assert stream.usage == TokenUsage(input_tokens=9, output_tokens=4)


def test_usage_in_a_chunk_with_content_is_counted_and_its_content_passes() -> None:
    stream = EventStream(usage_asked_by_client=False)
    data = whole([chunk(choices=written("all at once"), usage=USAGE)], b"\n")
    assert b"all at once" in stream.feed(data)
    assert stream.usage == TokenUsage(input_tokens=9, output_tokens=4)


def test_the_last_report_of_a_stream_that_reports_with_every_chunk_counts() -> None:
    stream = EventStream(usage_asked_by_client=False)
    for output in (1, 2, 3):
        stream.feed(
            whole([chunk(choices=written("x"), usage={"prompt_tokens": 5, "completion_tokens": output})], b"\n")
        )
    assert stream.usage == TokenUsage(input_tokens=5, output_tokens=3)


def test_what_follows_done_in_the_same_read_is_held_with_it() -> None:
    stream = EventStream(usage_asked_by_client=False)
    assert stream.feed(whole([DONE, b": bye"], b"\n") + b"half") == b""
    stream.finish()
    assert (stream.done, stream.held) == (True, DONE + b"\n\n: bye\n\nhalf")
    assert stream.feed(b"data: more\n\n") == b""


def test_an_unfinished_event_is_held_for_the_end() -> None:
    stream = EventStream(usage_asked_by_client=False)
    assert stream.feed(b"data: {}\n\ndata: {") == b"data: {}\n\n"
    stream.finish()
    assert (stream.held, stream.done) == (b"data: {", False)


def test_done_in_several_writings_is_done() -> None:
    for writing in (
        b"data:[DONE]\n\n",
        b"data: [DONE] \n\n",
        b"data: [DONE]\r\n\r\n",
        b"event: done\ndata: [DONE]\n\n",
    ):
        stream = EventStream(usage_asked_by_client=False)
        assert stream.feed(writing) == b""
        assert stream.done


@pytest.mark.parametrize("size", [1 << 20, 1 << 23, (1 << 23) + 1])
def test_an_event_over_the_cap_is_refused_whatever_its_pieces(size: int) -> None:
    stream = EventStream(usage_asked_by_client=False)
    for _ in range(_MAX_EVENT // size):
        assert stream.feed(b"x" * size) == b""
    with pytest.raises(EventTooLong):
        stream.feed(b"x" * size)


def test_an_error_event_marks_the_stream_as_failed_and_content_about_errors_does_not() -> None:
    stream = EventStream(usage_asked_by_client=False)
    stream.feed(whole([chunk(choices=written('the word "error"'), error=None)], b"\n"))
    assert not stream.failed
    error = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
    assert stream.feed(error) == error
    assert stream.failed


def test_long_streams_are_counted_without_being_kept() -> None:
    stream = EventStream(usage_asked_by_client=False)
    one = whole([chunk(choices=written("word "))], b"\n")
    for _ in range(5_000):
        assert stream.feed(one) == one
    assert sum(map(len, stream._kept)) < 200_000
    assert "".join(stream.texts()) == "word " * 5_000
    assert stream.events == 5_000


def test_the_size_of_what_was_written_is_about_right() -> None:
    stream = EventStream(usage_asked_by_client=False)
    stream.feed(whole([chunk(choices=written(""))], b"\n"))
    for _ in range(100):
        stream.feed(whole([chunk(choices=written("x" * 20))], b"\n"))
    assert stream.content_bytes == 2000
