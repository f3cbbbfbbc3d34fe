"""Two organizations in one running house: each has its own calls, money, limits and records, and neither sees the other's."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from openai import AuthenticationError, OpenAI, RateLimitError

from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import House, until
from tests.e2e.upstream import FakeUpstream, answers, completion, usage

PASSPHRASE = "correct horse battery staple\n"
DOLLARS = 10
"""What a call costs: ten tokens, a million dollars for a million."""
LISTS = (
    "admin_api_keys", "audit_logs", "billing_profile", "budgets", "certificates", "credit_balance", "groups",
    "increase_requests", "invites", "invoices", "invoices/{month}", "notices", "projects", "rate_limits", "roles",
    "spend_alerts", "upstreams", "users", "projects/{project}/api_keys", "projects/{project}/rate_limits",
    "projects/{project}/service_accounts", "projects/{project}/users",
    "costs?start_time=1&group_by=api_key_id&group_by=project_id",
    "usage/completions?start_time=1&group_by=api_key_id&group_by=project_id&group_by=user_id&bucket_width=1d",
)  # fmt: skip
_ID = re.compile(
    r"\b(?:org-|proj_|user-|key_|svc_acct_|group-|role-(?!organization|project)|budget_|alert_|audit_log-|cgr|inv)\w{8,}"
)


class Both(NamedTuple):
    """One house, as the people of each organization have it: `first` runs it."""

    first: House
    acme: House
    model: str

    def each(self) -> tuple[House, House]:
        return self.first, self.acme


@pytest.fixture
def both(new_house: NewHouse, upstream: FakeUpstream) -> Both:
    """The second organization is made while the house runs."""
    first = new_house(local_model="off")
    model = upstream.model(answers(completion("Hi", usage(4, 6))))
    first.do("prices", "set", model, "--input", "1000000", "--output", "1000000")
    first.start()
    made = first.do_json("organizations", "create", "Acme", "--owner-email", "zoe@example.com")
    return Both(first, seen_by(first, made), model)


def seen_by(house: House, facts: dict[str, str]) -> House:
    """The same running house, for whoever has these facts; commands work in their organization."""
    other = House(house.data, facts, organization=facts["organization_id"])
    other.url = house.url
    return other


def call(house: House, model: str) -> None:
    answer = house.client().chat.completions.create(
        model=model, max_completion_tokens=6, messages=[{"role": "user", "content": "Hi."}]
    )
    assert answer.choices[0].message.content == "Hi"


def listed(house: House, path: str) -> str:
    """What the administration API says under a path of LISTS, as it stands there."""
    path = path.format(project=house.facts["project_id"], month=time.strftime("%Y-%m", time.gmtime()))
    headers = {"Authorization": f"Bearer {house.facts['admin_key']}"}
    answer = httpx.get(f"{house.url}/v1/organization/{path}", headers=headers, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.text


def spent(house: House) -> Any:
    (bucket,) = json.loads(listed(house, f"costs?start_time={int(time.time()) // 86400 * 86400}"))["data"]
    return sum(result["amount"]["value"] for result in bucket["results"])


def test_calls_are_metered_charged_and_invoiced_apart(both: Both) -> None:
    for house, times in ((both.first, 2), (both.acme, 3)):
        house.do("credit", "grant", "5.00")
        for _ in range(times):
            call(house, both.model)
    for house, times in ((both.first, 2), (both.acme, 3)):
        reported = house.client().admin.organization.usage.completions(
            start_time=int(time.time()) - 86400, bucket_width="1d", group_by=["project_id", "api_key_id"]
        )
        (result,) = [result for bucket in reported.data for result in bucket.results]
        assert result.object == "organization.usage.completions.result"
        assert (result.num_model_requests, result.project_id) == (times, house.facts["project_id"])
        assert spent(house) == times * DOLLARS
        invoice = json.loads(listed(house, "invoices/{month}"))
        assert [line["quantity"] for line in invoice["lines"]] == [4 * times, 6 * times]
        balance = json.loads(listed(house, "credit_balance"))
        assert len(balance["grants"]) == 1
        assert len(house.rows(f"organization_id = '{house.facts['organization_id']}'")) == times
    assert len(both.first.rows()) == 5


def test_a_budget_of_one_refuses_nothing_of_the_other(both: Both) -> None:
    both.acme.do("budgets", "set", "all", "--amount", "100000", "--per", "month")
    call(both.acme, both.model)
    both.acme.do("budgets", "set", "all", "--amount", str(DOLLARS))
    with pytest.raises(RateLimitError) as refused:
        call(both.acme, both.model)
    assert refused.value.code == "insufficient_quota"
    for _ in range(3):
        call(both.first, both.model)
    both.first.stop()
    both.first.start()
    both.acme.url = both.first.url
    with pytest.raises(RateLimitError):
        call(both.acme, both.model)
    call(both.first, both.model)
    both.first.do("budgets", "set", "all", "--amount", "1", "--per", "month", "--organization", "Keyhouse")
    both.acme.do("budgets", "remove", "all")
    call(both.acme, both.model)
    with pytest.raises(RateLimitError):
        call(both.first, both.model)


@pytest.mark.parametrize("limit", ["--requests-per-minute", "--requests-per-day"])
def test_a_rate_limit_of_one_counts_no_call_of_the_other(both: Both, limit: str) -> None:
    both.acme.do("limits", "set", both.model, "--all-projects", limit, "2")
    for _ in range(4):
        call(both.first, both.model)
    for _ in range(2):
        call(both.acme, both.model)
    with pytest.raises(RateLimitError) as refused:
        call(both.acme, both.model)
    assert refused.value.code == "rate_limit_exceeded"
    call(both.first, both.model)
    if limit == "--requests-per-day":  # it is taken up again by the next start
        both.first.stop()
        both.first.start()
        both.acme.url = both.first.url
        call(both.first, both.model)
        with pytest.raises(RateLimitError):
            call(both.acme, both.model)


def test_each_admin_key_sees_its_own_in_every_list(both: Both) -> None:
    for house in both.each():
        call(house, both.model)
        furnish(house)
    told = [{path: listed(house, path) for path in LISTS} for house in both.each()]
    ids = [set(_ID.findall("".join(answers.values()))) for answers in told]
    assert min(map(len, ids)) > 20
    assert ids[0] & ids[1] == set()
    for house, other in (both.each(), both.each()[::-1]):
        everything = "".join(told[both.each().index(house)].values())
        for fact in ("organization_id", "project_id", "owner_email"):
            assert house.facts[fact] in everything
            assert other.facts[fact] not in everything
    assert "fake" in told[0]["upstreams"]
    assert json.loads(told[1]["upstreams"])["data"] == []


def test_commands_see_one_organization_and_the_sealed_log_has_both(both: Both) -> None:
    for house in both.each():
        call(house, both.model)
        furnish(house)
    for house in both.each():
        told = "".join(
            house.do(*words, "--json") for words in (["keys", "list"], ["people", "list"], ["audit", "list"])
        )
        told += house.do("audit", "export") + house.do("costs", "--json")
        other = both.acme if house is both.first else both.first
        assert house.facts["project_id"] in told
        assert other.facts["project_id"] not in told
        assert other.facts["organization_id"] not in told
        assert house.do_json("audit", "verify")["ok"] is True
    assert both.first.do("audit", "anchor") == both.acme.do("audit", "anchor")
    assert "In organization 'Keyhouse'" in both.first.run("keys", "list").stderr
    assert both.acme.run("keys", "list").stderr == ""
    until(lambda: both.first.run("doctor").returncode == 0, 10)


def test_an_alert_of_one_does_not_hear_of_the_others_spending(both: Both) -> None:
    for house in both.each():
        house.do(
            "alerts", "create", "--cents", "100", "--mail", f"{house.facts['organization_id'].lower()}@example.com"
        )
    call(both.acme, both.model)
    notices = until(lambda: both.acme.do_json("notices", "list"), 30)
    assert [notice["destination"].split("@")[0] for notice in notices] == [both.acme.facts["organization_id"].lower()]
    assert both.first.do_json("notices", "list") == []


def test_a_header_that_names_the_other_organization_is_refused(both: Both) -> None:
    for house, other in (both.each(), both.each()[::-1]):
        client = house.client().with_options(organization=other.facts["organization_id"])
        with pytest.raises(AuthenticationError) as refused:
            client.models.list()
        assert refused.value.code == "mismatched_organization"
        with pytest.raises(AuthenticationError) as refused:
            client.admin.organization.projects.list()
        assert refused.value.code == "mismatched_organization"
        own: OpenAI = house.client().with_options(organization=house.facts["organization_id"])
        assert both.model not in [model.id for model in own.models.list()], "it is behind a glob"
        assert own.admin.organization.projects.list().data[0].id == house.facts["project_id"]


def test_what_serves_all_is_changed_by_the_organization_that_runs_the_house(both: Both, upstream: FakeUpstream) -> None:
    price = {"model": both.model, "input": "500000", "output": "500000"}
    named = {"name": "mine", "base_url": upstream.base_url, "models": ["mine"]}
    for path, body in (("prices", price), ("upstreams", named)):
        refused = posted(both.acme, path, body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_permissions")
        assert "Prices and upstreams are the house's" in refused.json()["error"]["message"]
        assert posted(both.first, path, body).status_code == 200
    call(both.acme, both.model)
    assert spent(both.acme) == DOLLARS / 2, "one price for all, in force at once"
    assert wire.post(both.acme, wire.chat("mine")).status != 404, "an upstream of the house answers everybody"
    assert json.loads(listed(both.acme, "prices?model=" + both.model))["data"][0]["source"]
    assert httpx.get(f"{both.first.url}/metrics", headers=bearer(both.acme), trust_env=False).status_code == 403


def test_a_backup_has_both(both: Both, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy")
    both.first.do("backup", copy, "--passphrase-stdin", given=PASSPHRASE)
    both.first.stop()
    restored = House(tmp_path / "restored", both.first.facts)
    restored.do("restore", copy, "--passphrase-stdin", given=PASSPHRASE)
    try:
        restored.start()
        for facts in (both.first.facts, both.acme.facts):
            call(seen_by(restored, facts), both.model)
        assert [item["runs_house"] for item in restored.do_json("organizations", "list")] == [True, False]
    finally:
        restored.close()


def furnish(house: House) -> None:
    """One of what is in the lists, made over HTTP."""
    project = house.facts["project_id"]
    alert = {
        "threshold_amount": 100_000_000,
        "currency": "USD",
        "interval": "month",
        "notification_channel": {"type": "email", "recipients": [house.facts["owner_email"].replace("@l", "@x.l")]},
    }
    house.admin("POST", "/groups", name="Keepers")
    house.admin("POST", "/roles", role_name="Reader of groups", permissions=["api.groups.read"])
    house.admin("POST", "/invites", email=f"guest@{house.facts['organization_id'].lower()}.example.com", role="reader")
    house.admin("POST", "/spend_alerts", **alert)
    house.admin("POST", "/budgets", name="b", amount="1000000", interval="month", at_end="alert")
    house.admin("POST", "/credit_grants", amount="1.00")
    house.admin("POST", "/rate_limits", model="m", max_requests_per_1_minute=5)
    house.admin("POST", f"/projects/{project}/service_accounts", name="robo")


def posted(house: House, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{house.url}/v1/organization/{path}", headers=bearer(house), json=body, timeout=60, trust_env=False
    )


def bearer(house: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.facts['admin_key']}"}
