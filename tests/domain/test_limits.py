"""Rate limits: what is set, what an increase makes of it, and the ids of rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.levels import Level
from keyhouse.domain.limits import NO_LIMIT, LimitKind, RateLimit, RateLimitRule, RateLimits, limits_of, rule_id

NUMBERS = st.builds(RateLimits, *[st.none() | st.integers(0, NO_LIMIT - 1)] * 6)


@given(NUMBERS, NUMBERS, st.integers(0, 2**40), st.integers(0, 2**40))
def test_an_increase_never_narrows_and_is_over_at_its_end(
    limits: RateLimits, increase: RateLimits, until: int, now: int
) -> None:
    rule = RateLimitRule("rl-1", "org-1", None, "gpt-4o", 0, limits, increase, until)
    found = rule.limits_at(now)
    for kind in LimitKind:
        set_, wanted, got = limits.of(kind), increase.of(kind), found.of(kind)
        if set_ is None or wanted is None or now >= until:
            assert got == set_
        else:
            assert got == max(set_, wanted)


def test_limits_that_are_set_have_names() -> None:
    named = limits_of(Level.PROJECT, "proj_1", "gpt-4o", RateLimits(0, None, max_requests_per_1_day=7))
    assert [(limit.name.kind, limit.limit) for limit in named] == [
        (LimitKind.REQUESTS_PER_MINUTE, 0), (LimitKind.REQUESTS_PER_DAY, 7),
    ]  # fmt: skip
    assert all(isinstance(limit, RateLimit) and limit.name.id == "proj_1" for limit in named)
    assert RateLimits(0, None, max_requests_per_1_day=7).given == {
        "max_requests_per_1_minute": 0, "max_requests_per_1_day": 7,
    }  # fmt: skip


PLACES = st.text(st.characters(exclude_characters="\x00"))


@given(PLACES, st.text(), PLACES, st.text())
def test_ids_of_rules_differ_where_place_or_model_do(place: str, model: str, other_place: str, other: str) -> None:
    found = rule_id(place, model)
    assert (found == rule_id(other_place, other)) == ((place, model) == (other_place, other))
    assert rule_id(place, model) == found
    assert (found[:3], len(found)) == ("rl-", 27)
    assert (found[3:].isascii(), found[3:].isalnum()) == (True, True)
