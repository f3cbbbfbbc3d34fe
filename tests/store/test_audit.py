"""The audit log."""

from __future__ import annotations

import pytest

from keyhouse.domain.audit import Actor, AuditEvent, EventType
from keyhouse.domain.errors import KeyhouseError
from keyhouse.store.contract import Page, Store
from tests.store.makers import ALICE, ORG, OTHER_ORG, make_event


def test_an_event_comes_back_as_it_was_stored(store: Store) -> None:
    event = AuditEvent(
        "audit_log-x", 5, ORG, EventType.PRICE_SET, Actor("api_key", ALICE, "key_1", "10.0.0.1", "alice@example.com"),
        "price_1", None,
        {"nested": {"a": [1, 2.5, None, True, "\x00é"]}},
    )  # fmt: skip
    append(store, event)
    with store.read() as transaction:
        assert transaction.audit.list(ORG, Page()).items == (event,)


def test_events_are_listed_newest_first_in_pages_whatever_their_ids_and_clock(store: Store) -> None:
    append(store, *(make_event(n, at=1000 - n % 2) for n in (5, 3, 9, 1, 7)))
    with store.read() as transaction:
        first = transaction.audit.list(ORG, Page(limit=3))
    append(store, make_event(2))
    with store.read() as transaction:
        second = transaction.audit.list(ORG, Page(first.items[-1].id, 3))
    assert [event.object_id for event in first.items + second.items] == ["key_7", "key_1", "key_9", "key_3", "key_5"]
    assert (first.has_more, second.has_more) == (True, False)


def test_an_organization_sees_its_own_events_only(store: Store) -> None:
    append(store, make_event(1), make_event(2, OTHER_ORG))
    with store.read() as transaction:
        assert [event.object_id for event in transaction.audit.list(OTHER_ORG, Page()).items] == ["key_2"]
    with pytest.raises(KeyhouseError), store.read() as transaction:
        transaction.audit.list(OTHER_ORG, Page(make_event(1).id))


def append(store: Store, *events: AuditEvent) -> None:
    with store.write() as transaction:
        for event in events:
            transaction.audit.append(event)
