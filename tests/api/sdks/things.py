"""Drives of projects, keys, limits, reports and policies."""

from __future__ import annotations

import time
from typing import Any

from tests.api.pem import authority
from tests.api.sdks.drivers import Sdk
from tests.api.sdks.drives import O, P, crud, drive, ids
from tests.api.served import Served

LIMIT = {"threshold_amount": 1000, "currency": "USD", "interval": "month"}
ALERT: dict[str, Any] = {
    **LIMIT,
    "notification_channel": {"type": "email", "recipients": ["alice@example.com"], "subject_prefix": "Spent"},
}
REPORTS = (
    "audio_speeches",
    "audio_transcriptions",
    "code_interpreter_sessions",
    "completions",
    "embeddings",
    "file_search_calls",
    "images",
    "moderations",
    "vector_stores",
    "web_search_calls",
)


def appears_once(api: Served, secret: str) -> bool:
    """Whether a secret stands in no file of the house: then no answer can have it again."""
    return not api.house.files_contain(secret)


@drive(*crud(f"{O}/admin_api_keys", f"POST {O}/admin_api_keys/{{}}"))
def admin_keys(sdk: Sdk, api: Served) -> None:
    api.house.clock.now += 1
    made = sdk("admin_api_keys.create", name="ops", expires_in_seconds=3600)
    assert api.house.accepts(made["value"])
    assert appears_once(api, made["value"])
    assert made["expires_at"] == api.house.clock.now + 3600
    shown = sdk("admin_api_keys.retrieve", made["id"])
    listed = sdk.every("admin_api_keys.list", limit=1, order="asc")
    assert [key["name"] for key in listed] == ["First admin key", "ops"]
    assert made["value"] not in str([shown, listed])
    assert sdk("admin_api_keys.delete", made["id"])["deleted"] is True
    assert made["id"] not in ids(sdk.every("admin_api_keys.list"))
    assert not api.house.accepts(made["value"])


@drive(*crud(f"{O}/projects", f"DELETE {O}/projects/{{}}"), f"POST {P}/archive")
def projects(sdk: Sdk, api: Served) -> None:
    new = sdk("projects.create", name="Launch", residency="EU_STORAGE_PROCESSING", external_key_id="kms-1")
    made = new["id"]
    assert (new["residency"], new["external_key_id"]) == ("EU_STORAGE_PROCESSING", "kms-1")
    assert sdk("projects.update", made, name="Landing")["name"] == "Landing"
    moved = sdk("projects.update", made, geography="US", external_key_id="kms-2")
    assert (moved["residency"], moved["external_key_id"]) == ("US_STORAGE_PROCESSING", "kms-2")
    assert sdk("projects.retrieve", made) == moved | {"name": "Landing"}
    assert made in ids(sdk.every("projects.list", limit=1))
    assert sdk("projects.archive", made)["status"] == "archived"
    assert made not in ids(sdk.every("projects.list"))
    assert made in ids(sdk.every("projects.list", include_archived=True))


@drive(f"GET {P}/api_keys", f"GET {P}/api_keys/{{}}", f"DELETE {P}/api_keys/{{}}")
def project_keys(sdk: Sdk, api: Served) -> None:
    project, value = api.house.project_id, api.house.facts.api_key
    (listed,) = sdk.every("projects.api_keys.list", project, limit=1)
    shown = sdk("projects.api_keys.retrieve", listed["id"], project_id=project)
    assert shown["owner"]["type"] == "user"
    assert value not in str([listed, shown])
    assert sdk("projects.api_keys.delete", listed["id"], project_id=project)["deleted"] is True
    assert sdk.every("projects.api_keys.list", project) == []
    assert not api.house.accepts(value)


@drive(*crud(f"{P}/service_accounts"), f"POST {P}/service_accounts/{{}}/api_keys")
def service_accounts(sdk: Sdk, api: Served) -> None:
    project = api.house.project_id
    made = sdk("projects.service_accounts.create", project, name="robo")
    first = made["api_key"]["value"]
    named: dict[str, Any] = {"project_id": project}
    second = sdk("projects.service_accounts.api_keys.create", made["id"], **named, name="second")["value"]
    for secret in (first, second):
        assert api.house.accepts(secret)
        assert appears_once(api, secret)
    assert sdk("projects.service_accounts.update", made["id"], **named, name="robo 2")["name"] == "robo 2"
    assert made["role"] == "member"
    for role in ("owner", "member", "owner"):
        assert sdk("projects.service_accounts.update", made["id"], **named, role=role)["role"] == role
    shown = sdk("projects.service_accounts.retrieve", made["id"], **named)
    listed = sdk.every("projects.service_accounts.list", project, limit=1)
    assert (shown["name"], shown["role"], ids(listed)) == ("robo 2", "owner", [made["id"]])
    alone = sdk("projects.service_accounts.create", project, name="alone", create_service_account_only=True)
    assert (alone["role"], alone["api_key"]) == ("none", None)
    assert sdk("projects.service_accounts.delete", alone["id"], **named)["deleted"] is True
    assert not any(secret in str([shown, listed]) for secret in (first, second))
    assert sdk("projects.service_accounts.delete", made["id"], **named)["deleted"] is True
    assert sdk.every("projects.service_accounts.list", project) == []
    assert not api.house.accepts(first)
    assert not api.house.accepts(second)


@drive(f"GET {P}/rate_limits", f"POST {P}/rate_limits/{{}}")
def rate_limits(sdk: Sdk, api: Served) -> None:
    project = api.house.project_id
    made = api.post(f"{api.project}/rate_limits", {"model": "gpt-4o", "max_requests_per_1_minute": 5})
    changed = sdk("projects.rate_limits.update_rate_limit", made["id"], project_id=project, max_requests_per_1_minute=7)
    assert changed["max_requests_per_1_minute"] == 7
    listed = sdk.every("projects.rate_limits.list_rate_limits", project, limit=1)
    assert [row["max_requests_per_1_minute"] for row in listed if row["id"] == made["id"]] == [7]


@drive(*crud(f"{O}/spend_alerts"))
def spend_alerts(sdk: Sdk, api: Served) -> None:
    made = sdk("spend_alerts.create", **ALERT)["id"]
    assert sdk("spend_alerts.update", made, **{**ALERT, "threshold_amount": 5})["threshold_amount"] == 5
    assert sdk("spend_alerts.retrieve", made)["threshold_amount"] == 5
    assert ids(sdk.every("spend_alerts.list", limit=1)) == [made]
    assert sdk("spend_alerts.delete", made)["deleted"] is True
    assert sdk.every("spend_alerts.list") == []


@drive(*crud(f"{P}/spend_alerts"))
def spend_alerts_of_a_project(sdk: Sdk, api: Served) -> None:
    project = api.house.project_id
    made = sdk("projects.spend_alerts.create", project, **ALERT)["id"]
    changed = sdk("projects.spend_alerts.update", made, project_id=project, **{**ALERT, "threshold_amount": 5})
    assert changed["threshold_amount"] == 5
    assert sdk("projects.spend_alerts.retrieve", made, project_id=project)["threshold_amount"] == 5
    assert ids(sdk.every("projects.spend_alerts.list", project, limit=1)) == [made]
    assert sdk("projects.spend_alerts.delete", made, project_id=project)["deleted"] is True
    assert sdk.every("projects.spend_alerts.list", project) == []


@drive(*(f"{method} {where}/spend_limit" for method in ("GET", "POST", "DELETE") for where in (O, P)))
def spend_limits(sdk: Sdk, api: Served) -> None:
    for method, place in (("spend_limit", ()), ("projects.spend_limit", (api.house.project_id,))):
        assert sdk(f"{method}.update", *place, **LIMIT)["threshold_amount"] == 1000
        assert sdk(f"{method}.retrieve", *place)["threshold_amount"] == 1000
        assert sdk(f"{method}.delete", *place)["deleted"] is True
        assert sdk.refused(f"{method}.retrieve", *place) == 404


@drive(f"GET {O}/audit_logs")
def audit_logs(sdk: Sdk, api: Served) -> None:
    """Of OpenAI's types: with others, which are ours, a client that validates strictly must not be asked for."""
    sdk("projects.create", name="Launch")
    types = ["project.created", "api_key.created"]
    events = sdk.every("audit_logs.list", limit=1, event_types=types)
    assert [event["type"] for event in events] == ["project.created", "api_key.created", "project.created"]
    assert ids(events) == [event.id for event in api.house.events() if event.type.value in types][::-1]


@drive(f"GET {O}/costs", *(f"GET {O}/usage/{report}" for report in REPORTS))
def reports(sdk: Sdk, api: Served) -> None:
    for report in (*REPORTS, "costs"):
        page = sdk(f"usage.{report}", start_time=int(time.time()) - 86_400, limit=1)
        assert page["object"] == "page"
        assert [bucket["object"] for bucket in page["data"]] == ["bucket"]


@drive(*(f"{method} {where}/data_retention" for method in ("GET", "POST") for where in (O, P)))
def data_retention(sdk: Sdk, api: Served) -> None:
    for method, place in (("data_retention", ()), ("projects.data_retention", (api.house.project_id,))):
        changed = sdk(f"{method}.update", *place, retention_type="zero_data_retention")
        assert sdk(f"{method}.retrieve", *place) == changed


@drive(*(f"{method} {P}/model_permissions" for method in ("GET", "POST", "DELETE")))
def model_permissions(sdk: Sdk, api: Served) -> None:
    project, method = api.house.project_id, "projects.model_permissions"
    changed = sdk(f"{method}.update", project, mode="allow_list", model_ids=["gpt-4o"])
    assert (changed["mode"], changed["model_ids"]) == ("allow_list", ["gpt-4o"])
    assert sdk(f"{method}.retrieve", project)["model_ids"] == ["gpt-4o"]
    assert sdk(f"{method}.delete", project)["deleted"] is True


@drive(*(f"{method} {P}/hosted_tool_permissions" for method in ("GET", "POST")))
def hosted_tool_permissions(sdk: Sdk, api: Served) -> None:
    project, method = api.house.project_id, "projects.hosted_tool_permissions"
    changed = sdk(f"{method}.update", project, web_search={"enabled": False})
    assert changed["web_search"]["enabled"] is False
    assert sdk(f"{method}.retrieve", project) == changed


@drive(
    *crud(f"{O}/certificates"),
    f"GET {P}/certificates",
    *(f"POST {where}/certificates/{verb}" for where in (O, P) for verb in ("activate", "deactivate")),
)
def certificates(sdk: Sdk, api: Served) -> None:
    project, named = api.house.project_id, {"certificate_ids": [""]}
    made = sdk("certificates.create", certificate=authority(), name="Corporate")["id"]
    named = {"certificate_ids": [made]}
    assert sdk("certificates.update", made, name="Company")["name"] == "Company"
    assert sdk("certificates.retrieve", made, include=["content"])["name"] == "Company"
    assert ids(sdk.every("certificates.list", limit=1)) == [made]
    assert ids(sdk.every("certificates.activate", **named)) == [made]
    assert ids(sdk.every("certificates.deactivate", **named)) == [made]
    assert ids(sdk.every("projects.certificates.activate", project, **named)) == [made]
    assert ids(sdk.every("projects.certificates.list", project)) == [made]
    assert ids(sdk.every("projects.certificates.deactivate", project, **named)) == [made]
    sdk("certificates.delete", made)
    assert sdk.every("certificates.list") == []
