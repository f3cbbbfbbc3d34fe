"""`/v1/organization/certificates` over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.pem import authority, private_key
from tests.api.served import Served

PATH = "/organization/certificates"


def test_the_text_of_a_certificate_is_there_for_who_asks_for_it(api: Served) -> None:
    made = api.post(PATH, {"certificate": authority(), "name": "Corporate"})
    assert (made["object"], made["active"]) == ("organization.certificate", False)
    assert set(made["certificate_details"]) == {"valid_at", "expires_at"}
    one = f"{PATH}/{made['id']}"
    assert api.get(one) == made
    shown = api.call("GET", f"{one}?include[]=content").json()["certificate_details"]["content"]
    assert shown.startswith("-----BEGIN CERTIFICATE-----")
    assert api.call("GET", f"{one}?include=key").json()["error"]["param"] == "include"


def test_certificates_are_active_place_by_place(api: Served) -> None:
    made = api.post(PATH, {"certificate": authority()})["id"]
    body = {"certificate_ids": [made]}
    done = api.post(f"{api.project}/certificates/activate", body)
    assert done["object"] == "organization.project.certificate.activation"
    assert [item["active"] for item in done["data"]] == [True]
    assert [item["active"] for item in api.get(f"{api.project}/certificates")["data"]] == [True]
    assert [item["active"] for item in api.get(PATH)["data"]] == [False]
    assert api.call("DELETE", f"{PATH}/{made}").status_code == 409
    api.post(f"{api.project}/certificates/deactivate", body)
    assert api.delete(f"{PATH}/{made}") == {"object": "certificate.deleted", "id": made}


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (PATH, {}, 400, "certificate"),
        (PATH, [], 400, None),
        (PATH, {"certificate": "x"}, 400, "certificate"),
        (PATH, {"certificate": private_key()}, 400, "certificate"),
        (PATH, {"certificate": [1]}, 400, "certificate"),
        (PATH, {"certificate": authority(), "name": ""}, 400, "name"),
        (PATH, {"certificate": authority(), "name": "n" * 10_000}, 400, "name"),
        (PATH, {"certificate": authority(), "key": "k"}, 400, "key"),
        (f"{PATH}/cert_none", {"name": "n"}, 404, None),
        (f"{PATH}/activate", {"certificate_ids": []}, 400, "certificate_ids"),
        (f"{PATH}/activate", {"certificate_ids": [3]}, 400, "certificate_ids[0]"),
        (f"{PATH}/activate", {"certificate_ids": ["cert_none"]}, 404, None),
        (f"{PATH}/deactivate", {}, 400, "certificate_ids"),
    ],
)
def test_bad_input_changes_nothing(unchanged: Served, path: str, body: Any, status: int, param: str | None) -> None:
    answer = unchanged.call("POST", path, body)
    assert answer.status_code == status
    assert "PRIVATE KEY" not in answer.text
    if param is not None:
        assert answer.json()["error"]["param"] == param
