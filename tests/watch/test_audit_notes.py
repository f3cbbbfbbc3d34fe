"""Refused calls and uses of revoked keys are in the audit, however often they happen, in a bounded number of events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyhouse.domain.audit import Actor, AuditEvent, EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import AuditFilter, Page
from keyhouse.watch import audit_notes
from keyhouse.watch.audit_notes import WINDOW_SECONDS, AuditNotes
from tests.control.houses import House, open_house
from tests.store.makers import make_key

ADMIN = Actor("api_key", "user-x", "key_x", "203.0.113.9")
REFUSAL = KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, "No.")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path / "noted")
    yield opened
    opened.store.close()


@pytest.fixture
def notes(house: House) -> Iterator[AuditNotes]:
    made = AuditNotes(house.store, house.clock, interval_seconds=3600)
    yield made
    made.close()


def written(house: House, type_: EventType) -> list[AuditEvent]:
    with house.store.read() as tx:
        return list(tx.audit.list(house.caller.organization_id, Page(), AuditFilter(types=(type_,))).items)


def test_a_refused_call_is_noted_with_who_where_and_what(house: House, notes: AuditNotes) -> None:
    notes.refused_call(house.caller.organization_id, ADMIN, REFUSAL, "POST", "/v1/organization/projects\n")
    notes.flush()
    event = written(house, EventType.ADMIN_CALL_REFUSED)[0]
    assert (event.object_id, event.actor.key_id, event.actor.address) == ("key_x", "key_x", "203.0.113.9")
    assert event.details == {
        "error_code": "insufficient_permissions", "error_message": "No.", "method": "POST",
        "path": "/v1/organization/projects\\u000a", "count": 1, "since": house.clock.now,
    }  # fmt: skip


def test_a_flood_of_refusals_is_two_events_in_ten_minutes(house: House, notes: AuditNotes) -> None:
    began = house.clock.now
    for second in range(WINDOW_SECONDS):
        house.clock.now = began + second
        notes.refused_call(house.caller.organization_id, ADMIN, REFUSAL, "GET", "/v1/organization/users")
        notes.flush()
    house.clock.now = began + WINDOW_SECONDS
    notes.flush()
    events = written(house, EventType.ADMIN_CALL_REFUSED)
    assert [event.details["count"] for event in events] == [WINDOW_SECONDS - 1, 1]
    assert {event.details["since"] for event in events} == {began}


def test_a_revoked_key_that_is_used_is_noted_and_no_other(house: House, notes: AuditNotes) -> None:
    organization_id = house.caller.organization_id
    key = make_key(1, organization_id=organization_id, project_id=house.project_id, revoked_at=5)
    for address in ("203.0.113.9", "203.0.113.10"):
        notes.used_after_revocation(key, address)
    notes.used_after_revocation(make_key(2, organization_id=organization_id, disabled_at=5), None)
    notes.close()
    newest, first = sorted(
        written(house, EventType.API_KEY_USED_AFTER_REVOCATION), key=lambda e: -len(e.actor.address or "")
    )
    assert (first.actor.address, newest.actor.address) == ("203.0.113.9", "203.0.113.10")
    assert (first.object_id, first.project_id, first.details["revoked_at"]) == (key.id, house.project_id, 5)


def test_kinds_are_bounded_and_what_finds_no_room_is_counted(
    house: House, notes: AuditNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_notes, "MOST_KINDS", 3)
    for number in range(5):
        actor = Actor("api_key", None, f"key_{number}")
        notes.refused_call(house.caller.organization_id, actor, REFUSAL, "GET", "/")
    notes.flush()
    assert (len(written(house, EventType.ADMIN_CALL_REFUSED)), notes.dropped) == (3, 2)
