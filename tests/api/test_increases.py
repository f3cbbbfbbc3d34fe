"""`/v1/organization/increase_requests` over HTTP."""

from __future__ import annotations

import pytest

from tests.api.served import Served
from tests.control.houses import NOW

PATH = "/organization/increase_requests"
RPM = "max_requests_per_1_minute"


def ask(api: Served, **given: object) -> dict[str, object]:
    api.post("/organization/rate_limits", {"model": "gpt-4o", RPM: 10})
    body = {"model": "gpt-4o", "rate_limits": {RPM: 50}, "reason": "Launch", **given}
    made: dict[str, object] = api.post(PATH, body)
    return made


def test_a_request_is_made_shown_listed_and_granted(api: Served) -> None:
    made = ask(api, until=NOW + 60)
    actor = {"type": "api_key", "user_id": made["requested_by"]["user_id"], "key_id": made["requested_by"]["key_id"]}  # type: ignore[index]
    assert made == {
        "object": "organization.increase_request",
        "id": made["id"],
        "kind": "rate_limit",
        "level": "organization",
        "scope_id": api.house.caller.organization_id,
        "model": "gpt-4o",
        "rate_limits": {RPM: 50},
        "budget_id": None,
        "amount": None,
        "until": NOW + 60,
        "reason": "Launch",
        "status": "open",
        "created_at": NOW,
        "requested_by": actor,
        "decided_at": None,
        "decided_by": None,
    }
    assert api.get(f"{PATH}/{made['id']}") == made
    assert api.get(PATH, status="open")["data"] == [made]
    granted = api.post(f"{PATH}/{made['id']}/grant", {"until": NOW + 90})
    assert granted == {**made, "until": NOW + 90, "status": "granted", "decided_at": NOW, "decided_by": actor}
    assert api.get(PATH, status="open")["data"] == []
    row = api.get("/organization/rate_limits")["data"][0]
    assert (row[RPM], row["increase"]) == (50, {"until": NOW + 90, "returns_to": {RPM: 10}})
    api.house.clock.now = NOW + 90
    row = api.get("/organization/rate_limits")["data"][0]
    assert (row[RPM], row["increase"]) == (10, None)


def test_a_budgets_request_is_granted_and_another_denied(api: Served) -> None:
    budget = api.post("/organization/budgets", {"name": "month", "amount": "100", "interval": "month"})
    body = {"budget_id": budget["id"], "amount": "12.50", "until": NOW + 60, "reason": "Launch"}
    made, other = api.post(PATH, body), api.post(PATH, body)
    assert (made["kind"], made["amount"], made["model"], made["rate_limits"]) == ("budget", "12.5", None, None)
    assert api.post(f"{PATH}/{made['id']}/grant")["status"] == "granted"
    assert api.post(f"{PATH}/{other['id']}/deny")["status"] == "denied"
    assert api.get(f"/organization/budgets/{budget['id']}")["amount_in_force"] == "112.5"
    again = api.call("POST", f"{PATH}/{made['id']}/grant")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": "gpt-4o", "rate_limits": {RPM: 5}}, "reason"),
        ({"model": "gpt-4o", "rate_limits": {RPM: 5}, "reason": "a"}, f"rate_limits.{RPM}"),
        ({"model": "gpt-4o", "rate_limits": {RPM: 1.5}, "reason": "a"}, RPM),
        ({"budget_id": "budget_1", "amount": 5, "reason": "a", "until": NOW + 1}, "amount"),
        ({"budget_id": "budget_1", "amount": "5", "reason": "a", "until": -1}, "until"),
        ({"kind": "budget"}, "kind"),
        (b"[]", "body"),
    ],
    ids=str,
)
def test_a_bad_request_is_400_and_names_the_field(unchanged: Served, body: object, param: str) -> None:
    answer = unchanged.call("POST", PATH, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


def test_what_is_not_there_is_404_and_a_bad_state_400(unchanged: Served) -> None:
    for method, path in (("GET", ""), ("POST", "/grant"), ("POST", "/deny")):
        answer = unchanged.call(method, f"{PATH}/increase_none{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    answer = unchanged.call("GET", PATH, params={"status": "pending"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "status")
