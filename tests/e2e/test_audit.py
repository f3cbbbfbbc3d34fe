"""The audit of a running house: refused calls, revoked keys, other settings, and its head anchored outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until


def test_what_happens_is_in_the_log_and_the_log_is_whole(new_house: NewHouse, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.jsonl"
    house = new_house(audit_anchor_file=str(anchors))
    house.start()
    made = house.new_key("leaked")
    house.key_verb(made["id"], "revoke")
    asked(house, "/models", made["value"], 401)
    asked(house, "/organization/projects", house.facts["api_key"], 403)
    used = until(lambda: events(house, "api_key.used_after_revocation"), 10)[0]
    refused = until(lambda: events(house, "admin_call.refused"), 10)[0]
    assert used["api_key.used_after_revocation"]["id"] == made["id"]
    assert used["actor"]["api_key"]["ip_address"] == "127.0.0.1"
    assert refused["admin_call.refused"]["error_code"] == "insufficient_permissions"
    assert refused["admin_call.refused"]["path"] == "/v1/organization/projects"
    (started,) = events(house, "settings.changed")
    assert "KEYHOUSE_AUDIT_ANCHOR_FILE" in started["settings.changed"]["settings"]
    created = events(house, "api_key.created")[0]
    assert created["actor"]["api_key"]["ip_address"] == "127.0.0.1"
    house.stop()
    assert len(anchors.read_text().splitlines()) >= 4
    house.do("audit", "verify", "--anchor", str(anchors))
    assert house.do("audit", "anchor") == anchors.read_text().splitlines(keepends=True)[-1]


def events(house: House, type_: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.do_json("audit", "list", "--event", type_)
    return found


def asked(house: House, path: str, key: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{house.url}/v1{path}", headers=headers, trust_env=False, verify=False).status_code == status
