"""The house of alice (owner), bob (member) and robo (service account), to test with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyhouse.domain.audit import OPERATOR, AuditEvent, EventType
from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.domain.certificates import Certificate
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.domain.levels import Level
from keyhouse.domain.money import Price, Rates
from keyhouse.domain.people import Invite, Member, OrganizationRole, Person
from keyhouse.domain.projects import Organization, Project, ServiceAccount
from keyhouse.domain.upstreams import Upstream
from keyhouse.domain.usage import RefusedCall, UsageRow
from keyhouse.store.contract import RollupKey, RollupSums, Store

ORG, OTHER_ORG = "org-house", "org-other"
PROJECT, OTHER_PROJECT = "proj_default", "proj_other"
ALICE, BOB, CHARLIE, ROBO = "user-alice", "user-bob", "user-charlie", "svc_acct_robo"


def furnish(store: Store) -> None:
    """Two organizations; in the first alice, bob, two projects and robo."""
    with store.write() as transaction:
        transaction.organizations.add(Organization(ORG, "House", 100))
        transaction.organizations.add(Organization(OTHER_ORG, "Other", 101))
        transaction.projects.add(Project(PROJECT, ORG, "Default", 100, is_default=True))
        transaction.projects.add(Project(OTHER_PROJECT, ORG, "Other", 101))
        transaction.people.add(make_person(ALICE, 100), Member(ORG, ALICE, OrganizationRole.OWNER, 100))
        transaction.people.add(make_person(BOB, 101), Member(ORG, BOB, OrganizationRole.READER, 101))
        transaction.people.add(make_person(CHARLIE, 102), Member(OTHER_ORG, CHARLIE, OrganizationRole.OWNER, 102))
        transaction.service_accounts.add(ServiceAccount(ROBO, ORG, PROJECT, "robo", "member", 103))


def make_person(user_id: str, created_at: int) -> Person:
    name = user_id.removeprefix("user-")
    return Person(user_id, f"{name}@example.com", name.title(), created_at, password_hash="$argon2id$…")


def make_key(number: int, *, created_at: int = 1000, **changes: Any) -> Key:
    """A key of alice's with one secret, whose public id is `pub<number>`."""
    key_id = f"key_{number:06d}"
    facts: dict[str, Any] = {
        "kind": KeyKind.USER,
        "organization_id": ORG,
        "project_id": PROJECT,
        "user_id": ALICE,
        "service_account_id": None,
        "secrets": (make_secret(key_id, f"pub{number:09d}", created_at),),
    }
    return Key(id=key_id, name=f"Key {number}", created_at=created_at, **{**facts, **changes})


def make_secret(key_id: str, public_id: str, created_at: int = 1000) -> KeySecret:
    return KeySecret(public_id, key_id, b"\x00\xff" * 16, "pep_1", f"sk-kh_…{public_id[-4:]}", created_at)


def make_invite(number: int, created_at: int = 100) -> Invite:
    email, digest = f"guest{number}@example.com", number.to_bytes(32)
    return Invite(
        f"invite-{number:03d}", ORG, email, OrganizationRole.READER, (), created_at, created_at + 1000, digest
    )


def make_certificate(number: int, created_at: int = 100) -> Certificate:
    return Certificate(f"cert_{number:03d}", ORG, None, "PEM", f"{number:064x}", 1, 99, created_at)


def make_upstream(name: str, organization_id: str = ORG, created_at: int = 100) -> Upstream:
    return Upstream(
        f"ups_{organization_id}_{name}",
        organization_id,
        name,
        "http://127.0.0.1:9/v1",
        ("gpt-*",),
        created_at,
        sealed_key=b"\x01\x00sealed",
        key_redacted="…a1b2",
        listed_models=("gpt-4o",),
    )


def make_price(price_id: str, model: str, effective_at: int) -> Price:
    return Price(price_id, model, effective_at, Rates(input=2_500_000_000, output=10_000_000_000), created_at=5)


def make_budget(number: int, level: Level = Level.PROJECT, scope_id: str = PROJECT, **changes: Any) -> Budget:
    """A budget by month which refuses, of a project unless said otherwise."""
    budget = Budget(
        f"budget_{number:03d}", ORG, level, scope_id, f"Budget {number}", 5_000_000_000, Interval.MONTH, AtEnd.REFUSE, 1000
    )  # fmt: skip
    return replace(budget, **changes)


def make_event(number: int, organization_id: str = ORG, at: int = 1000) -> AuditEvent:
    return AuditEvent(
        f"audit_log-{organization_id}-{number}", at, organization_id, EventType.API_KEY_CREATED, OPERATOR, f"key_{number}",
        PROJECT, {"name": ["a", None], "limit": 5},
    )  # fmt: skip


def make_refusal(number: int, organization_id: str = ORG) -> RefusedCall:
    return RefusedCall(
        f"req_{number}",
        number,
        organization_id,
        PROJECT,
        "key_1",
        "chat.completions",
        "gpt-4o",
        403,
        "model_not_allowed",
        "No.",
    )


def make_row(request_id: str, **changes: Any) -> UsageRow:
    """A call of alice's that was completed and priced."""
    row = UsageRow(
        request_id=request_id, admitted_at_us=1_700_000_000_000_000, organization_id=ORG, project_id=PROJECT, user_id=ALICE,
        service_account_id=None, key_id="key_000001", public_id="pub000000001", client_request_id=None,
        operation="chat.completions", model_asked="gpt-4o", model_answered="gpt-4o-2024", upstream="openai", streamed=1,
        status=200, outcome="completed", error_code=None, input_tokens=12, cached_tokens=1, cache_write_tokens=0,
        output_tokens=34, reasoning_tokens=2, input_audio_tokens=0, output_audio_tokens=0, estimated=0, service_tier=None,
        pricing="priced", price_id="price_1", cost_nanos=370_000, cost_input_nanos=30_000, cost_cached_nanos=0,
        cost_output_nanos=340_000, queue_us=5, first_byte_us=200_000, total_us=900_000,
    )  # fmt: skip
    return row._replace(**changes)


def rollup_key(bucket: int = 0, **changes: Any) -> RollupKey:
    key = RollupKey(
        bucket, ORG, PROJECT, ALICE, "", "key_000001", "chat.completions", "gpt-4o", "openai", "", "completed", "priced"
    )
    return key._replace(**changes)


def rollup_sums(requests: int = 1, cost: int = 10) -> RollupSums:
    return RollupSums(requests, 12, 1, 0, 34, 2, 0, 0, cost, 2, 3, 0, 0)
