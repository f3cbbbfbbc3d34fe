"""Spend alerts over HTTP, and through OpenAI's own SDK."""

from __future__ import annotations

import openai
import pytest

from tests.api.served import Served
from tests.api.test_budgets import ALERT, admin, refused

__all__ = ["admin"]

PATHS = ["/organization/spend_alerts", "/organization/projects/{project}/spend_alerts"]


@pytest.fixture(params=PATHS, ids=["organization", "project"])
def path(api: Served, request: pytest.FixtureRequest) -> str:
    return str(request.param).format(project=api.house.project_id)


def test_an_alert_lives_in_openais_shape(api: Served, path: str) -> None:
    object_ = "project.spend_alert" if "projects" in path else "organization.spend_alert"
    made = api.post(path, {**ALERT, "threshold_amount": 0})
    assert made == {"id": made["id"], "object": object_, **ALERT, "threshold_amount": 0, "webhook_url": None}
    assert made["id"].startswith("alert_")
    one = f"{path}/{made['id']}"
    channel = {"type": "email", "recipients": ["bob@example.com"], "subject_prefix": "[House]"}
    changed = api.post(one, {**ALERT, "notification_channel": channel, "webhook_url": "https://example.com/h?a=1"})
    assert (changed["notification_channel"], changed["threshold_amount"]) == (channel, 10_000)
    assert api.post(one, ALERT)["webhook_url"] == "https://example.com/h?a=1"
    assert "subject_prefix" not in api.get(one)["notification_channel"]
    assert api.post(one, {**ALERT, "webhook_url": None})["webhook_url"] is None
    assert api.delete(one) == {"id": made["id"], "object": f"{object_}.deleted", "deleted": True}
    assert refused(api, "GET", one)[0] == refused(api, "POST", one, ALERT)[0] == refused(api, "DELETE", one)[0] == 404
    assert [event.type.value for event in api.house.events()][-5:] == [
        "spend_alert.created", *["spend_alert.updated"] * 3, "spend_alert.deleted",
    ]  # fmt: skip


def test_an_alert_of_another_scope_is_not_found(api: Served) -> None:
    other = api.post("/organization/projects", {"name": "Search"})["id"]
    made = api.post(f"{api.project}/spend_alerts", ALERT)["id"]
    assert refused(api, "GET", f"/organization/spend_alerts/{made}")[0] == 404
    assert refused(api, "DELETE", f"/organization/projects/{other}/spend_alerts/{made}")[0] == 404
    assert refused(api, "GET", f"/organization/projects/proj_none/spend_alerts/{made}")[0] == 404


def test_alerts_are_listed_forwards_and_backwards(api: Served, path: str) -> None:
    ids = []
    for number in range(5):
        api.house.clock.now += 1
        ids.append(api.post(path, {**ALERT, "threshold_amount": number})["id"])

    def listed(**query: object) -> tuple[list[int], bool]:
        page = api.get(path, **query)
        assert page["object"] == "list"
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        return [ids.index(alert["id"]) for alert in page["data"]], page["has_more"]

    assert listed() == ([0, 1, 2, 3, 4], False)
    assert listed(limit=2, after=ids[1]) == ([2, 3], True)
    assert listed(limit=2, order="desc") == ([4, 3], True)
    assert listed(limit=3, order="desc", after=ids[3]) == ([2, 1, 0], False)
    assert listed(limit=2, before=ids[3]) == ([1, 2], True)
    assert listed(limit=9, before=ids[3]) == ([0, 1, 2], False)
    assert listed(limit=2, order="desc", before=ids[1]) == ([3, 2], True)
    assert refused(api, "GET", f"{path}?before=alert_none")[:2] == (400, "before")
    assert refused(api, "GET", f"{path}?before={ids[0]}&after={ids[1]}")[:2] == (400, "before")


def test_sdk_manages_alerts(api: Served, admin: openai.OpenAI) -> None:
    alerts = admin.admin.organization.projects.spend_alerts
    project = api.house.project_id
    for cents in (1, 2, 3):
        api.house.clock.now += 1
        made = alerts.create(
            project, threshold_amount=cents, currency="USD", interval="month",
            notification_channel={"type": "email", "recipients": ["alice@example.com"], "subject_prefix": "x"},
        )  # fmt: skip
    assert [alert.threshold_amount for alert in alerts.list(project, limit=1)] == [1, 2, 3]
    assert [alert.threshold_amount for alert in alerts.list(project, limit=2, order="desc")] == [3, 2, 1]
    assert alerts.retrieve(made.id, project_id=project).notification_channel.subject_prefix == "x"
    assert alerts.delete(made.id, project_id=project).deleted
    whole = admin.admin.organization.spend_alerts
    alert = whole.create(
        threshold_amount=5, currency="USD", interval="month",
        notification_channel={"type": "email", "recipients": ["alice@example.com"]},
    )  # fmt: skip
    assert whole.update(
        alert.id, threshold_amount=6, currency="USD", interval="month",
        notification_channel={"type": "email", "recipients": ["bob@example.com"]},
    ).notification_channel.recipients == ["bob@example.com"]  # fmt: skip


CHANNEL = "notification_channel"
BAD_CHANNELS: list[tuple[object, str]] = [
    (None, CHANNEL),
    ("alice@example.com", CHANNEL),
    ({"type": "email", "recipients": ["a@b"], "cc": []}, CHANNEL),
    ({"recipients": ["a@b"]}, f"{CHANNEL}.type"),
    ({"type": "sms", "recipients": ["a@b"]}, f"{CHANNEL}.type"),
    ({"type": "email"}, f"{CHANNEL}.recipients"),
    ({"type": "email", "recipients": "a@b"}, f"{CHANNEL}.recipients"),
    ({"type": "email", "recipients": []}, f"{CHANNEL}.recipients"),
    ({"type": "email", "recipients": ["a@b"] * 51}, f"{CHANNEL}.recipients"),
    ({"type": "email", "recipients": ["a@b"], "subject_prefix": 5}, f"{CHANNEL}.subject_prefix"),
    ({"type": "email", "recipients": ["a@b"], "subject_prefix": "a\r\nBcc: c@d"}, f"{CHANNEL}.subject_prefix"),
    ({"type": "email", "recipients": ["a@b"], "subject_prefix": "x" * 101}, f"{CHANNEL}.subject_prefix"),
]


@pytest.mark.parametrize(("channel", "param"), BAD_CHANNELS)
def test_a_bad_channel_is_refused_by_name(api: Served, channel: object, param: str) -> None:
    body = {**ALERT, "notification_channel": channel}
    assert refused(api, "POST", "/organization/spend_alerts", body)[:2] == (400, param)
    assert api.get("/organization/spend_alerts")["data"] == []


@pytest.mark.parametrize(
    "address",
    [
        "", "alice", "@example.com", "alice@", "a@b@c", "a b@example.com", "a@exa mple.com", "a@b,c@d", "Alice <a@b.c>",
        "a@b\r\nBcc: c@d", "a@b\x00", "a\u2028@b", "x" * 65 + "@b", "a@" + "b" * 260, "a@.b", "a@b..c", 5, None, ["a@b"],
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_its_place(api: Served, address: object) -> None:
    body = {**ALERT, "notification_channel": {"type": "email", "recipients": ["good@example.com", address]}}
    status, param, _ = refused(api, "POST", "/organization/spend_alerts", body)
    assert (status, param) == (400, "notification_channel.recipients[1]")


@pytest.mark.parametrize("address", ["a@b", "alice+bills@sub.example.com", "o'neil@example.com", "é@müller.example"])
def test_addresses_of_every_kind_are_taken_once(api: Served, address: str) -> None:
    body = {**ALERT, "notification_channel": {"type": "email", "recipients": [address, f" {address} "]}}
    assert api.post("/organization/spend_alerts", body)["notification_channel"]["recipients"] == [address]


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com", "http://example.com/h", "http://10.0.0.1/h", "http://127.0.0.1.example.com/",
        "https://", "https://u:p@example.com", "https://example.com/#x", "https://example.com:0/", "https://example.com:x/",
        "https://exa mple.com", "https://example.com/\r\nX: y", "https://ex\u00e4mple.com", "https://e/" + "x" * 2048, 5, [],
        "https://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_bad_webhook_is_refused_by_name(api: Served, url: object) -> None:
    assert refused(api, "POST", "/organization/spend_alerts", {**ALERT, "webhook_url": url})[:2] == (400, "webhook_url")


@pytest.mark.parametrize(
    "url", ["https://example.com", "http://localhost:9/h", "http://127.8.8.8/", "http://[::1]:80/h"]
)
def test_a_webhook_is_https_or_on_this_machine(api: Served, url: str) -> None:
    assert api.post("/organization/spend_alerts", {**ALERT, "webhook_url": url})["webhook_url"] == url


def test_a_scope_has_a_bounded_number_of_alerts(api: Served) -> None:
    for _ in range(100):
        api.post("/organization/spend_alerts", ALERT)
    assert refused(api, "POST", "/organization/spend_alerts", ALERT)[0] == 409
    api.post(f"{api.project}/spend_alerts", ALERT)


def test_an_archived_project_gets_no_alert(api: Served) -> None:
    project = api.post("/organization/projects", {"name": "Search"})["id"]
    path = f"/organization/projects/{project}/spend_alerts"
    made = api.post(path, ALERT)["id"]
    api.post(f"/organization/projects/{project}/archive")
    assert refused(api, "POST", path, ALERT)[0] == refused(api, "POST", f"{path}/{made}", ALERT)[0] == 409
    assert api.delete(f"{path}/{made}")["deleted"]
