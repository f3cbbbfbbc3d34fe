"""Requests for increases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.audit import OPERATOR, Actor
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.increases import IncreaseKind, IncreaseRequest, IncreaseStatus
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import RateLimits
from keyhouse.store.contract import Page, Store
from tests.store.makers import BOB, ORG, OTHER_ORG, PROJECT


def make_request(number: int, created_at: int = 1000) -> IncreaseRequest:
    """Bob asks for more requests a minute."""
    return IncreaseRequest(
        f"increase_{number}", ORG, IncreaseKind.RATE_LIMIT, Level.PROJECT, PROJECT, "Launch day", Actor("api_key", BOB, "key_1"),
        created_at, model="gpt-4o", limits=RateLimits(max_requests_per_1_minute=100),
    )  # fmt: skip


def test_a_request_comes_back_as_it_was_stored_and_decided(store: Store) -> None:
    asked = make_request(1)
    money = replace(
        make_request(2), kind=IncreaseKind.BUDGET, model=None, limits=RateLimits(), budget_id="budget_1",
        amount_nanos=10**15, until=2000,
    )  # fmt: skip
    with store.write() as tx:
        tx.increases.add(asked)
        tx.increases.add(money)
    with store.read() as tx:
        assert tx.increases.get(ORG, asked.id) == asked
        assert tx.increases.get(ORG, money.id) == money
        assert tx.increases.get(OTHER_ORG, asked.id) is None
    granted = replace(asked, status=IncreaseStatus.GRANTED, decided_by=OPERATOR, decided_at=1500, until=3000)
    with store.write() as tx:
        tx.increases.save(granted)
    with store.read() as tx:
        assert tx.increases.get(ORG, asked.id) == granted


def test_requests_are_listed_oldest_first_by_state_and_page(store: Store) -> None:
    with store.write() as tx:
        for number, at in ((3, 5), (1, 9), (2, 7)):
            tx.increases.add(make_request(number, at))
        tx.increases.save(replace(make_request(2, 7), status=IncreaseStatus.DENIED))
    with store.read() as tx:
        assert [item.id[-1] for item in tx.increases.list(ORG, Page()).items] == ["3", "2", "1"]
        assert [item.id[-1] for item in tx.increases.list(ORG, Page(), IncreaseStatus.OPEN).items] == ["3", "1"]
        first = tx.increases.list(ORG, Page(limit=1), IncreaseStatus.OPEN)
        assert (first.items[0].id, first.has_more) == ("increase_3", True)
        rest = tx.increases.list(ORG, Page("increase_3"), IncreaseStatus.OPEN)
        assert ([item.id for item in rest.items], rest.has_more) == (["increase_1"], False)
        assert tx.increases.list(OTHER_ORG, Page()).items == ()


def test_a_request_that_was_never_made_cannot_be_decided(store: Store) -> None:
    with pytest.raises(KeyhouseError) as refused, store.write() as tx:
        tx.increases.save(make_request(1))
    assert refused.value.code is ErrorCode.NOT_FOUND
