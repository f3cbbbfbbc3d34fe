"""Budgets, spend limits and spend alerts over HTTP, and through OpenAI's own SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from keyhouse.domain.budgets import Interval, period_of
from tests.api.served import Served
from tests.control.houses import DAY, NOW
from tests.store.makers import make_row

LIMIT = {"threshold_amount": 10_000, "currency": "USD", "interval": "month"}
ALERT = {**LIMIT, "notification_channel": {"type": "email", "recipients": ["alice@example.com"]}}
BUDGET = {"name": "daily", "amount": "12.50", "interval": "day"}


@pytest.fixture
def admin(api: Served) -> Iterator[openai.OpenAI]:
    with api.sdk() as client:
        yield client


def refused(api: Served, method: str, path: str, body: object = None) -> tuple[int, str | None, str]:
    """(status, param, sentence)"""
    answer = api.call(method, path, body)
    error = answer.json()["error"]
    return answer.status_code, error["param"], error["message"]


def spend(api: Served, request_id: str, nanos: int, **changes: Any) -> None:
    """A row of a call that cost this, in the ledger and in no report yet."""
    facts = {
        "organization_id": api.house.caller.organization_id, "project_id": api.house.project_id,
        "admitted_at_us": NOW * 1_000_000, "cost_nanos": nanos, "cost_input_nanos": nanos, "cost_output_nanos": 0,
    }  # fmt: skip
    api.house.store.ledger.append([make_row(request_id, **facts | changes)])


# --- spend limits ------------------------------------------------------------------------------------------------------


def test_a_spend_limit_lives_in_openais_shape(api: Served) -> None:
    for path, object_ in (
        ("/organization/spend_limit", "organization.spend_limit"),
        (f"{api.project}/spend_limit", "project.spend_limit"),
    ):
        status, _, message = refused(api, "GET", path)
        assert status == 404
        assert message.startswith("No spend limit is set for ")
        made = api.post(path, LIMIT)
        assert made == {"object": object_, **LIMIT, "enforcement": {"status": "enforcing"}}
        replaced = api.post(path, {**LIMIT, "threshold_amount": 1})
        assert replaced["threshold_amount"] == 1
        assert api.get(path) == replaced
        assert api.delete(path) == {"object": f"{object_}.deleted", "deleted": True}
        assert refused(api, "DELETE", path)[0] == refused(api, "GET", path)[0] == 404


def test_sdk_sets_spend_limits(api: Served, admin: openai.OpenAI) -> None:
    organization, projects = admin.admin.organization.spend_limit, admin.admin.organization.projects.spend_limit
    made = organization.update(threshold_amount=10_000, currency="USD", interval="month")
    assert (made.threshold_amount, made.enforcement.status) == (10_000, "enforcing")
    projects.update(api.house.project_id, threshold_amount=5, currency="USD", interval="month")
    assert projects.retrieve(api.house.project_id).threshold_amount == 5
    assert organization.retrieve().threshold_amount == 10_000
    assert projects.delete(api.house.project_id).deleted
    with pytest.raises(openai.NotFoundError, match="No spend limit is set for project"):
        projects.retrieve(api.house.project_id)


def test_a_spend_limit_and_the_budget_of_that_name_are_one(api: Served) -> None:
    api.post(f"{api.project}/spend_limit", LIMIT)
    (budget,) = api.get("/organization/budgets")["data"]
    assert (budget["name"], budget["amount"], budget["interval"]) == ("spend_limit", "100", "month")
    assert (budget["level"], budget["scope_id"], budget["at_end"]) == ("project", api.house.project_id, "refuse")
    api.post(f"/organization/budgets/{budget['id']}", {"amount": "250.50"})
    assert api.get(f"{api.project}/spend_limit")["threshold_amount"] == 25_050
    assert refused(api, "POST", f"/organization/budgets/{budget['id']}", {"amount": "0.001"})[1] == "amount"
    api.post(f"{api.project}/spend_limit", LIMIT)
    assert api.get("/organization/budgets")["data"][0]["id"] == budget["id"]


def test_limit_of_an_archived_project_is_inactive(api: Served) -> None:
    project = api.post("/organization/projects", {"name": "Search"})["id"]
    path = f"/organization/projects/{project}/spend_limit"
    api.post(path, LIMIT)
    api.post(f"/organization/projects/{project}/archive")
    assert api.get(path)["enforcement"] == {"status": "inactive"}
    assert refused(api, "POST", path, LIMIT)[0] == 409
    assert api.delete(path)["deleted"]


BAD_AMOUNTS: list[tuple[dict[str, object], str, str]] = [
    ({"threshold_amount": -1}, "threshold_amount", "a whole number of cents between"),
    ({"threshold_amount": 1.5}, "threshold_amount", "a whole number of cents between"),
    ({"threshold_amount": "100"}, "threshold_amount", "a whole number of cents between"),
    ({"threshold_amount": True}, "threshold_amount", "a whole number of cents between"),
    ({"threshold_amount": None}, "threshold_amount", "a whole number of cents between"),
    ({"threshold_amount": 10**11 + 1}, "threshold_amount", "and 100,000,000,000"),
    ({"threshold_amount": 10**30}, "threshold_amount", "and 100,000,000,000"),
    ({"currency": "EUR"}, "currency", 'must be "USD"'),
    ({"currency": "usd"}, "currency", 'must be "USD"'),
    ({"interval": "day"}, "interval", 'must be "month"'),
    ({"interval": None}, "interval", 'must be "month"'),
    ({"surprise": 1}, "surprise", "is not a field"),
]


@pytest.mark.parametrize(("changes", "param", "sentence"), BAD_AMOUNTS)
def test_a_bad_amount_is_refused_by_name(api: Served, changes: dict[str, object], param: str, sentence: str) -> None:
    for path, good in (("/organization/spend_limit", LIMIT), ("/organization/spend_alerts", ALERT)):
        status, at_fault, message = refused(api, "POST", path, {**good, **changes})
        assert (status, at_fault) == (400, param)
        assert sentence in message


@pytest.mark.parametrize("missing", ["threshold_amount", "currency", "interval"])
def test_a_missing_field_of_a_limit_is_refused_by_name(api: Served, missing: str) -> None:
    body = {name: value for name, value in LIMIT.items() if name != missing}
    assert refused(api, "POST", "/organization/spend_limit", body) == (400, missing, f"'{missing}' is required.")


def test_no_limit_of_nothing_and_none_of_what_is_not_there(api: Served) -> None:
    assert refused(api, "POST", "/organization/spend_limit", {**LIMIT, "threshold_amount": 0})[1] == "threshold_amount"
    assert refused(api, "POST", "/organization/projects/proj_none/spend_limit", LIMIT)[0] == 404
    api.post("/organization/spend_limit", {**LIMIT, "threshold_amount": 10**11})
    assert api.get("/organization/budgets")["data"][0]["amount"] == "1000000000"


# --- a key's spend limit -----------------------------------------------------------------------------------------------


def test_a_key_carries_its_spend_limit(api: Served) -> None:
    keys = f"{api.project}/api_keys"
    made = api.post(keys, {"name": "laptop", "spend_limit": LIMIT})
    assert made["spend_limit"] == LIMIT
    one = f"{keys}/{made['id']}"
    assert api.get(one)["spend_limit"] == LIMIT
    assert [key["spend_limit"] for key in api.get(keys)["data"] if key["id"] == made["id"]] == [LIMIT]
    assert api.post(one, {"name": "desk"})["spend_limit"] == LIMIT
    smaller = {**LIMIT, "threshold_amount": 7}
    assert api.post(one, {"spend_limit": smaller})["spend_limit"] == smaller
    (budget,) = api.get("/organization/budgets", key_id=made["id"])["data"]
    assert (budget["amount"], budget["level"]) == ("0.07", "key")
    assert api.post(one, {"spend_limit": None})["spend_limit"] is None
    assert api.get("/organization/budgets")["data"] == []
    assert api.post(one, {"spend_limit": None})["spend_limit"] is None
    details = [event.details for event in api.house.events()][-2:]
    assert details == [{"changes_requested": {"spend_limit": None}}] * 2


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (5, "spend_limit"),
        ([LIMIT], "spend_limit"),
        ({**LIMIT, "more": 1}, "spend_limit"),
        ({}, "spend_limit.threshold_amount"),
        ({**LIMIT, "threshold_amount": 0}, "spend_limit.threshold_amount"),
        ({**LIMIT, "currency": "EUR"}, "spend_limit.currency"),
        ({**LIMIT, "interval": "day"}, "spend_limit.interval"),
    ],
)
def test_a_keys_bad_spend_limit_is_refused_by_name(api: Served, value: object, param: str) -> None:
    before = len(api.get(f"{api.project}/api_keys")["data"])
    assert refused(api, "POST", f"{api.project}/api_keys", {"name": "a", "spend_limit": value})[:2] == (400, param)
    assert len(api.get(f"{api.project}/api_keys")["data"]) == before


def test_a_service_accounts_key_has_one_too(api: Served) -> None:
    robo = api.post(f"{api.project}/service_accounts", {"name": "robo"})["id"]
    made = api.post(f"{api.project}/service_accounts/{robo}/api_keys", {"spend_limit": LIMIT})
    assert api.get(f"{api.project}/api_keys/{made['id']}")["spend_limit"] == LIMIT


def test_an_admin_key_has_none(api: Served) -> None:
    status, param, _ = refused(api, "POST", "/organization/admin_api_keys", {"name": "ops", "spend_limit": LIMIT})
    assert (status, param) == (400, "spend_limit")


# --- budgets -----------------------------------------------------------------------------------------------------------


def test_a_budget_lives_over_http(api: Served) -> None:
    made = api.post("/organization/budgets", {**BUDGET, "project_id": api.house.project_id})
    start, end = period_of(Interval.DAY, NOW)
    assert made == {
        "id": made["id"], "object": "organization.budget", "level": "project", "scope_id": api.house.project_id,
        "name": "daily", "amount": "12.5", "currency": "usd", "interval": "day", "at_end": "refuse",
        "throttle_requests_per_minute": None, "increase": None, "amount_in_force": "12.5", "spent": "0",
        "remaining": "12.5", "period": {"start": start, "end": end}, "created_at": NOW,
    }  # fmt: skip
    one = f"/organization/budgets/{made['id']}"
    assert api.get(one) == made
    grown = api.post(one, {"increase": {"amount": "0.5", "until": NOW + DAY}})
    assert (grown["amount_in_force"], grown["increase"]) == ("13", {"amount": "0.5", "until": NOW + DAY})
    assert api.delete(one) == {"id": made["id"], "object": "organization.budget.deleted", "deleted": True}
    assert refused(api, "GET", one)[0] == 404


def test_a_total_has_no_end(api: Served) -> None:
    made = api.post("/organization/budgets", {**BUDGET, "interval": "total", "at_end": "alert"})
    assert made["period"] == {"start": 0, "end": None}


def test_what_is_spent_is_what_the_ledger_says(api: Served) -> None:
    key = api.post(f"{api.project}/api_keys", {"name": "laptop"})["id"]
    other = api.post("/organization/projects", {"name": "Search"})["id"]
    scopes: tuple[dict[str, object], ...] = (
        {},
        {"project_id": api.house.project_id},
        {"project_id": other},
        {"key_id": key},
    )
    for scope in scopes:
        for interval in ("day", "month", "total"):
            api.post("/organization/budgets", {**BUDGET, "name": interval, "interval": interval, **scope})
    month = period_of(Interval.MONTH, NOW).start
    assert month < NOW - DAY
    spend(api, "req_1", 1_000_000_000, key_id=key)
    spend(api, "req_2", 20_000_000_000, project_id=other)
    spend(api, "req_3", 300_000_000_000, key_id=key, admitted_at_us=(NOW - DAY) * 1_000_000)
    spend(api, "req_4", 4_000_000_000_000, key_id=key, admitted_at_us=(month - 1) * 1_000_000)
    spend(
        api, "req_5", 1, key_id=key, cost_nanos=None, cost_input_nanos=None, cost_output_nanos=None, pricing="unpriced"
    )
    spend(api, "req_6", 7, organization_id="org-other")
    found = {(b["level"], b["scope_id"], b["interval"]): b["spent"] for b in api.get("/organization/budgets")["data"]}
    organization = api.house.caller.organization_id
    assert found == {
        ("organization", organization, "day"): "21",
        ("organization", organization, "month"): "321",
        ("organization", organization, "total"): "4321",
        ("project", api.house.project_id, "day"): "1",
        ("project", api.house.project_id, "month"): "301",
        ("project", api.house.project_id, "total"): "4301",
        ("project", other, "day"): "20",
        ("project", other, "month"): "20",
        ("project", other, "total"): "20",
        ("key", key, "day"): "1",
        ("key", key, "month"): "301",
        ("key", key, "total"): "4301",
    }
    assert {b["remaining"] for b in api.get("/organization/budgets", key_id=key)["data"]} == {"11.5", "0"}


def test_budgets_are_listed_in_pages_of_a_level_or_a_scope(api: Served) -> None:
    for number in range(3):
        api.house.clock.now += 1
        api.post("/organization/budgets", {**BUDGET, "name": f"b{number}"})
    first = api.get("/organization/budgets", limit=2, level="organization")
    rest = api.get("/organization/budgets", limit=2, after=first["last_id"])
    assert [b["name"] for b in first["data"] + rest["data"]] == ["b0", "b1", "b2"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert api.get("/organization/budgets", level="key")["data"] == []
    assert refused(api, "GET", "/organization/budgets?level=galaxy")[:2] == (400, "level")
    assert refused(api, "GET", "/organization/budgets?key_id=key_none")[:2] == (404, "key_id")
    assert refused(api, "GET", "/organization/budgets?after=budget_none")[:2] == (400, "after")


def test_a_bad_budget_is_refused_by_name(api: Served) -> None:
    for changes, param in (
        ({"amount": 5}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"project_id": "proj_none"}, "project_id"),
        ({"key_id": 5}, "key_id"),
        ({"spent": "0"}, "spent"),
    ):
        assert refused(api, "POST", "/organization/budgets", {**BUDGET, **changes})[1] == param
    assert refused(api, "POST", "/organization/budgets")[:2] == (400, "body")
    assert api.get("/organization/budgets")["data"] == []
