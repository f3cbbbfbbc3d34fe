"""Data retention of the organization and of projects over HTTP: set, shown, audited, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.domain.audit import EventType
from keyhouse.domain.data_retention import OF_ORGANIZATIONS, Retention
from tests.api.served import Served
from tests.api.test_budgets import refused

HOUSE = "/organization/data_retention"


def test_data_retention_of_the_organization_lives_and_is_audited(api: Served) -> None:
    assert api.get(HOUSE) == {"object": "organization.data_retention", "type": "modified_abuse_monitoring"}
    for wanted in OF_ORGANIZATIONS:
        made = {"object": "organization.data_retention", "type": wanted.value}
        assert api.post(HOUSE, {"retention_type": wanted.value}) == made == api.get(HOUSE)
    told = [event for event in api.house.events() if event.type is EventType.ORGANIZATION_UPDATED]
    asked: list[Any] = [event.details["changes_requested"] for event in told]
    assert [one["data_retention"] for one in asked] == [wanted.value for wanted in OF_ORGANIZATIONS]
    assert {event.object_id for event in told} == {api.house.caller.organization_id}


def test_data_retention_of_a_project_lives_and_is_audited(api: Served) -> None:
    path = f"{api.project}/data_retention"
    assert api.get(path) == {"object": "project.data_retention", "type": "organization_default"}
    for wanted in Retention:
        made = {"object": "project.data_retention", "type": wanted.value}
        assert api.post(path, {"retention_type": wanted.value}) == made == api.get(path)
    api.post(HOUSE, {"retention_type": "zero_data_retention"})
    assert api.get(path)["type"] == list(Retention)[-1].value
    told = [event.details for event in api.house.events() if event.type is EventType.PROJECT_UPDATED]
    asked: list[Any] = [details["changes_requested"] for details in told]
    assert [one["data_retention"] for one in asked] == [wanted.value for wanted in Retention]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "retention_type"),
        ({"retention_type": None}, "retention_type"),
        ({"retention_type": ""}, "retention_type"),
        ({"retention_type": "zero"}, "retention_type"),
        ({"retention_type": "Zero_Data_Retention"}, "retention_type"),
        ({"retention_type": ["zero_data_retention"]}, "retention_type"),
        ({"retention_type": 0}, "retention_type"),
        ({"type": "zero_data_retention"}, "type"),
        ({"retention_type": "zero_data_retention", "days": 0}, "days"),
    ],
)
def test_what_is_no_data_retention_changes_nothing(api: Served, body: object, param: str) -> None:
    for path in (HOUSE, f"{api.project}/data_retention"):
        before = api.get(path)
        assert refused(api, "POST", path, body)[:2] == (400, param)
        assert api.get(path) == before


@pytest.mark.parametrize("kind", ["organization_default", "none"])
def test_what_only_a_project_may_have_is_refused_for_the_organization(api: Served, kind: str) -> None:
    assert refused(api, "POST", HOUSE, {"retention_type": kind})[:2] == (400, "retention_type")


def test_an_array_an_unknown_project_and_an_archived_one_are_refused(api: Served) -> None:
    body = {"retention_type": "none"}
    assert refused(api, "POST", HOUSE, [body])[0] == 400
    unknown = "/organization/projects/proj_none/data_retention"
    assert refused(api, "GET", unknown)[0] == refused(api, "POST", unknown, body)[0] == 404
    old = api.post("/organization/projects", {"name": "Old"})["id"]
    path = f"/organization/projects/{old}/data_retention"
    api.post(f"/organization/projects/{old}/archive")
    assert refused(api, "POST", path, body)[0] == 409
    assert api.get(path)["type"] == "organization_default"
