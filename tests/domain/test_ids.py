"""Names of objects: unique, and request ids ordered by time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain import base62, ids
from keyhouse.domain.ids import RequestIds, new_id

NOW_US = 1_800_000_000_000_000


def test_an_id_is_its_prefix_and_24_characters_and_comes_once() -> None:
    made = {new_id(ids.KEY) for _ in range(1000)}
    assert len(made) == 1000
    assert all(id_.startswith("key_") and len(id_) == 28 and base62.is_base62(id_[4:]) for id_ in made)


def test_the_prefixes_are_told_apart() -> None:
    prefixes = [getattr(ids, name) for name in dir(ids) if name.isupper()]
    assert len(prefixes) >= 9
    assert not [(a, b) for a in prefixes for b in prefixes if a is not b and a.startswith(b)]


@given(st.lists(st.integers(0, 2**53), min_size=2, max_size=50))
def test_request_ids_rise_whatever_the_clock_does(clock: list[int]) -> None:
    process = RequestIds()
    made = [process.next(now) for now in clock]
    assert made == sorted(set(made))


def test_request_ids_go_on_when_the_clock_goes_back() -> None:
    process = RequestIds()
    before = process.next(NOW_US)
    after = process.next(NOW_US - 3_600_000_000)
    assert before < after
    assert after[4:13] == base62.encode(NOW_US + 1, 9)


def test_request_ids_of_two_processes_are_ordered_by_time_and_differ_at_the_same_time() -> None:
    one, other = RequestIds(), RequestIds()
    assert one.next(NOW_US) < other.next(NOW_US + 1) < one.next(NOW_US + 2)
    assert one.next(NOW_US + 3) != other.next(NOW_US + 3)


def test_a_request_id_has_one_length_now_and_in_a_hundred_years() -> None:
    century = 100 * 366 * 86_400 * 1_000_000
    assert len(RequestIds().next(NOW_US)) == len(RequestIds().next(NOW_US + century)) == 23
