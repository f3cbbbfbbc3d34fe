"""The audit: newest first, paged, and no mutation without its event."""

from __future__ import annotations

import json

from keyhouse.control import audit, keys, projects
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.keys import KeyKind
from tests.control.houses import House


def test_events_are_listed_newest_first_in_pages(house: House) -> None:
    for number in range(3):
        house.clock.now += 1
        projects.create(house.control, house.caller, f"p{number}")
    first = audit.list_page(house.control, house.caller, limit=2)
    rest = audit.list_page(house.control, house.caller, after=first.items[-1].id, limit=100)
    names = [event.details["data"]["name"] for event in (*first.items, *rest.items)[:3]]  # type: ignore[index]
    assert names == ["p2", "p1", "p0"]
    assert (first.has_more, rest.has_more) == (True, False)
    assert len(rest.items) == 6


def test_the_actor_is_who_called(house: House) -> None:
    projects.create(house.control, house.as_admin(), "Search")
    newest = audit.list_page(house.control, house.caller, limit=1).items[0]
    assert (newest.actor.kind, newest.actor.key_id) == ("api_key", "key_admin")


def test_details_are_json(house: House) -> None:
    given = KeyFields(name="a", permissions={"chat": "read"}, models=["m*"], expires_in_seconds=5)
    keys.create(house.control, house.caller, Holder(KeyKind.USER, house.project_id), given)
    details = audit.list_page(house.control, house.caller, limit=1).items[0].details
    assert json.loads(json.dumps(details)) == {"data": {
        "scopes": ["api.chat.read"], "name": "a", "permissions": {"chat": "read"}, "models": ["m*"],
        "expires_at": house.clock.now + 5,
    }}  # fmt: skip
