"""`/v1/organization/notices` and `/v1/organization/webhook_secret` over HTTP."""

from __future__ import annotations

from keyhouse.domain.notices import Notice, NoticeKind, secret_bytes
from keyhouse.store.contract import Page
from keyhouse.watch.signing import Signer
from tests.api.served import Served
from tests.control.houses import NOW

PATH = "/organization/notices"


def add(api: Served) -> None:
    organization_id = api.house.caller.organization_id
    mail = Notice(
        "msg_1", organization_id, NoticeKind.MAIL, "alice@example.com", "alert_1", "text", NOW, NOW, subject="S"
    )
    hook = Notice(
        "msg_2", organization_id, NoticeKind.WEBHOOK, "https://example.com", "alert_1", "{}", NOW + 1, NOW + 1
    )
    with api.house.store.write() as tx:
        tx.notices.add(mail)
        tx.notices.add(hook)
        tx.notices.give_up("msg_1", NOW + 5, "The mail server answered 550: no")


def test_notices_are_listed_newest_first_and_shown_with_what_became_of_them(api: Served) -> None:
    add(api)
    assert [item["id"] for item in api.get(PATH)["data"]] == ["msg_2", "msg_1"]
    assert [item["id"] for item in api.get(PATH, after="msg_2")["data"]] == ["msg_1"]
    assert [item["id"] for item in api.get(PATH, state="waiting")["data"]] == ["msg_2"]
    assert api.get(f"{PATH}/msg_1") == {
        "object": "organization.notice",
        "id": "msg_1",
        "kind": "mail",
        "destination": "alice@example.com",
        "about": "alert_1",
        "subject": "S",
        "state": "failed",
        "created_at": NOW,
        "attempts": 0,
        "next_attempt_at": None,
        "delivered_at": None,
        "failed_at": NOW + 5,
        "last_error": "The mail server answered 550: no",
    }


def test_unknown_notices_and_states_are_refused(api: Served) -> None:
    assert api.call("GET", f"{PATH}/msg_9").json()["error"]["code"] == "not_found"
    assert api.call("GET", f"{PATH}?state=lost").json()["error"]["param"] == "state"
    assert api.call("GET", f"{PATH}?after=msg_9").json()["error"]["param"] == "after"


def test_a_webhook_secret_is_shown_once_signs_at_once_and_is_audited(api: Served) -> None:
    first = api.post("/organization/webhook_secret")
    second = api.post("/organization/webhook_secret")
    assert first["object"] == "organization.webhook_secret"
    assert len(secret_bytes(first["value"])) == 32
    assert first["value"] != second["value"]
    house = api.house
    organization_id = house.caller.organization_id
    signer = Signer(house.store, house.control.sealer, house.clock)
    assert signer._secret(organization_id) == second["value"]
    with house.store.read() as tx:
        events = [e for e in tx.audit.list(organization_id, Page()).items if e.type.value == "webhook_secret.created"]
    assert [(e.actor.kind, e.details) for e in events] == [("api_key", {})] * 2
