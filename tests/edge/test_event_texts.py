"""What is cut out of an event's frame is what a parser reads in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.edge import event_texts
from keyhouse.edge.event_texts import EventTexts, payload
from keyhouse.ledger.meter import texts_in

words = st.text(max_size=6) | st.sampled_from(
    ["choices", "content", '"', "\\", "\\u0041", "\n\n", "data: ", "null", "é", "\u200b", "\ud800", "probe", "🔑"]
)


@st.composite
def pieces(draw: st.DrawFn) -> bytes:
    delta = draw(
        st.fixed_dictionaries({"content": words})
        | st.fixed_dictionaries({"role": st.just("assistant"), "content": words | st.none()})
        | st.fixed_dictionaries({"content": words, "reasoning_content": words})
        | st.fixed_dictionaries({"tool_calls": st.lists(words)})
        | st.just({})
    )
    chunk = {
        "id": draw(st.sampled_from(["c-1", "c-12"])),
        "choices": [{"index": 0, "delta": delta}],
        "model": draw(words),
    }
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    end = draw(st.sampled_from(["\n\n", "\r\n\r\n"]))
    event = f"data: {json.dumps(chunk, separators=separators, ensure_ascii=draw(st.booleans()))}{end}"
    return (event * draw(st.integers(1, 2))).encode("utf-8", "surrogatepass")


def parsed(sent: list[bytes]) -> list[str]:
    events = [event for piece in sent for event in piece.replace(b"\r\n", b"\n").split(b"\n\n")]
    return [text for event in events for text in texts_in(payload(event))]


@given(st.lists(pieces(), max_size=30), st.integers(0, 30))
def test_reading_by_frame_says_what_parsing_says(sent: list[bytes], cut: int) -> None:
    reader = EventTexts()
    assert reader.read(sent[:cut]) + reader.read(sent[cut:]) == parsed(sent)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_whatever_comes_in_the_frame_is_read_as_it_would_be_parsed(before: bytes, content: bytes) -> None:
    first = b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'
    odd = first.replace(b"word", content.replace(b"\n", b""))
    assert EventTexts().read([first, odd, before + odd]) == parsed([first, odd, before + odd])


def test_events_in_a_known_frame_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = EventTexts()
    chunk = b'data: {"choices":[{"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
    assert reader.read([chunk % b"one "]) == ["one "]
    monkeypatch.setattr(event_texts, "texts_in", None)
    assert reader.read([chunk % b"two ", chunk % b"", chunk % "drei\u00e9".encode()]) == ["two ", "drei\u00e9"]
