"""`/v1/organization/invites` over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.served import Served

PATH = "/organization/invites"


def test_a_link_is_in_one_answer_and_in_no_other(api: Served) -> None:
    made = api.post(PATH, {"email": "bob@example.com", "role": "reader"})
    link = made.pop("invite_url")
    assert made == {
        "object": "organization.invite",
        "id": made["id"],
        "email": "bob@example.com",
        "role": "reader",
        "status": "pending",
        "created_at": api.house.clock.now,
        "expires_at": api.house.clock.now + 7 * 86_400,
        "accepted_at": None,
        "projects": [{"id": api.house.project_id, "role": "member"}],
    }
    assert api.get(f"{PATH}/{made['id']}") == made
    assert api.get(PATH)["data"] == [made]
    assert api.delete(f"{PATH}/{made['id']}") == {
        "object": "organization.invite.deleted", "id": made["id"], "deleted": True,
    }  # fmt: skip
    token = link.rpartition("/")[2]
    assert sum(token in text for text in api.seen) == 1


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "email"),
        ([], 400, None),
        ({"email": "bob@example.com"}, 400, "role"),
        ({"email": "bob@example.com", "role": "reader", "message": "hi"}, 400, "message"),
        ({"email": ["bob@example.com"], "role": "reader"}, 400, "email"),
        ({"email": "b" * 10_000 + "@example.com", "role": "reader"}, 400, "email"),
        ({"email": "bob@example.com", "role": 3}, 400, "role"),
        ({"email": "bob@example.com", "role": "reader", "projects": "all"}, 400, "projects"),
        ({"email": "bob@example.com", "role": "reader", "projects": [{"id": "p"}]}, 400, "projects[0]"),
        ({"email": "bob@example.com", "role": "reader", "projects": [{"id": "p", "role": "owner"}]}, 404, None),
        ({"email": "owner@localhost", "role": "reader"}, 409, "email"),
    ],
)
def test_what_is_no_invitation_is_refused(unchanged: Served, body: Any, status: int, param: str | None) -> None:
    answer = unchanged.call("POST", PATH, body)
    assert answer.status_code == status
    if param is not None:
        assert answer.json()["error"]["param"] == param


def test_another_organization_s_invitation_is_not_there(unchanged: Served) -> None:
    for method in ("GET", "DELETE"):
        assert unchanged.call(method, f"{PATH}/invite-none").status_code == 404
