"""`GET /v1/organization/audit_logs`: OpenAI's shape, its filters in every encoding, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.control.setup import OWNER_EMAIL
from tests.api.served import Served

PATH = "/organization/audit_logs"


@pytest.fixture
def logs(api: Served) -> Served:
    """A project made by the owner's admin key, ten seconds after the house."""
    api.house.clock.now += 10
    api.post("/organization/projects", {"name": "Search 🔎"})
    return api


def test_an_entry_has_openai_s_shape(logs: Served) -> None:
    page = logs.get(PATH, limit=1)
    made = logs.get("/organization/projects")["data"][-1]
    entry = page["data"][0]
    assert {name: entry[name] for name in ("type", "effective_at", "project")} == {
        "type": "project.created",
        "effective_at": logs.house.clock.now,
        "project": {"id": made["id"], "name": "Search 🔎"},
    }
    assert entry["project.created"] == {"id": made["id"], "data": {"name": "Search 🔎", "title": "Search 🔎"}}
    actor = entry["actor"]
    assert (actor["type"], actor["api_key"]["type"]) == ("api_key", "user")
    assert actor["api_key"]["user"]["email"] == OWNER_EMAIL
    assert actor["api_key"]["ip_address"] == "127.0.0.1"
    assert page == {
        "object": "list",
        "data": [entry],
        "first_id": entry["id"],
        "last_id": entry["id"],
        "has_more": True,
    }


def test_what_is_no_project_s_has_no_project(logs: Served) -> None:
    entry = logs.get(PATH, **{"event_types[]": "user.added"})["data"][0]
    assert "project" not in entry
    assert entry["user.added"]["data"]["role"] == "owner"
    assert entry["actor"] == {"type": "session", "session": {"user": {"id": "operator"}, "ip_address": None}}


def test_pages_go_both_ways(logs: Served) -> None:
    every = ids(logs.get(PATH))
    assert len(every) == 6
    assert walked(logs, "after", None) == every
    assert [one for page in reversed(pages(logs, "before", every[-1])) for one in page] == every[:-1]
    assert logs.get(PATH, after=every[-1]) == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["event_types", "event_types[]"])
def test_arrays_come_in_both_encodings(logs: Served, name: str) -> None:
    answer = logs.client.get(
        PATH + f"?{name}=project.created&{name}=user.added",
        headers={"authorization": f"Bearer {logs.house.facts.admin_key}"},
    )
    found = [entry["type"] for entry in answer.json()["data"]]
    assert found == ["project.created", "project.created", "user.added"]


@pytest.mark.parametrize(
    ("bounds", "newest"),
    [
        ({"gt": 0}, False), ({"gt": -1}, True), ({"gte": 0}, True), ({"gte": 1}, False),
        ({"lt": 0, "gt": -5}, None), ({"lte": 0, "gte": 0}, True), ({"gte": -5, "lt": 1}, True),
    ],
)  # fmt: skip
def test_bounds_of_time(logs: Served, bounds: dict[str, int], newest: bool | None) -> None:
    now = logs.house.clock.now
    query = {f"effective_at[{bound}]": now + offset for bound, offset in bounds.items()}
    assert len(logs.get(PATH, **query)["data"]) == (1 if newest else 0)


def test_every_filter_finds_what_it_names_and_nothing_else(logs: Served) -> None:
    newest = logs.get(PATH, limit=1)["data"][0]
    project, actor = newest["project"]["id"], newest["actor"]["api_key"]
    for query in (
        {"project_ids": project},
        {"resource_ids": project},
        {"actor_ids": actor["id"]},
        {"actor_ids": actor["user"]["id"]},
        {"actor_emails": OWNER_EMAIL},
        {"actor_ids": [actor["id"], "user-nobody"], "event_types": ["project.created", "project.deleted"]},
    ):
        assert logs.get(PATH, **query)["data"] == [newest], query
    assert len(logs.get(PATH, actor_ids="operator")["data"]) == 5
    for query in ({"project_ids": "proj_x"}, {"resource_ids": ""}, {"actor_ids": "x"}, {"actor_emails": "\u202eé🔑"}):
        assert logs.get(PATH, **query)["data"] == [], query


def test_tenant_only_shows_what_openai_counts_among_a_tenant_s(logs: Served) -> None:
    found = logs.get(PATH, tenant_only="true")["data"]
    assert [entry["type"] for entry in found] == ["tenant.admin_api_key.created"]
    refused(logs, "event_types", tenant_only="true", event_types="project.created")
    assert len(logs.get(PATH, tenant_only="true", event_types="tenant.admin_api_key.created")["data"]) == 1


@pytest.mark.parametrize(
    ("param", "query"),
    [
        ("event_types", {"event_types[]": "nothing.happened"}),
        ("event_types", {"event_types[]": "x" * 10_000}),
        ("limit", {"limit": -1}),
        ("limit", {"limit": 101}),
        ("limit", {"limit": "ten"}),
        ("after", {"after": "audit_log-unknown"}),
        ("before", {"before": "audit_log-unknown"}),
        ("effective_at", {"effective_at": 5}),
        ("effective_at[gt]", {"effective_at[gt]": "yesterday"}),
        ("effective_at[ne]", {"effective_at[ne]": 5}),
        ("tenant_only", {"tenant_only": "maybe"}),
        ("actor", {"actor": "user-x"}),
        ("project_ids", {"project_ids": [f"proj_{n}" for n in range(101)]}),
    ],
)
def test_what_is_not_understood_is_refused(unchanged: Served, param: str, query: dict[str, Any]) -> None:
    refused(unchanged, param, **query)


def test_after_and_before_exclude_each_other(unchanged: Served) -> None:
    one = ids(unchanged.get(PATH, limit=1))[0]
    refused(unchanged, "before", after=one, before=one)


def refused(api: Served, param: str, **query: Any) -> None:
    answer = api.call("GET", PATH, params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


def ids(page: Any) -> list[str]:
    return [entry["id"] for entry in page["data"]]


def pages(api: Served, cursor: str, at: str | None) -> list[list[str]]:
    """Pages of two, from a cursor on."""
    found = []
    more = True
    while more:
        page = api.get(PATH, limit=2, **({} if at is None else {cursor: at}))
        found.append(ids(page))
        at, more = page["last_id" if cursor == "after" else "first_id"], page["has_more"]
    return found


def walked(api: Served, cursor: str, at: str | None) -> list[str]:
    return [one for page in pages(api, cursor, at) for one in page]
