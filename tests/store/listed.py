"""Every list of the store that is read in pages, as one kind of thing: add the nth object at a time, and read a page of ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keyhouse.domain.audit import OPERATOR, AuditEvent, EventType
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.people import Member, OrganizationRole, ProjectMember, ProjectRole
from keyhouse.domain.projects import Project, ServiceAccount
from keyhouse.store.contract import KeyFilter, Listed, Page, ScopeFilter, Transaction
from tests.store.makers import (
    ALICE,
    BOB,
    ORG,
    OTHER_ORG,
    OTHER_PROJECT,
    PROJECT,
    ROBO,
    make_budget,
    make_certificate,
    make_event,
    make_invite,
    make_key,
    make_person,
    make_upstream,
)
from tests.store.test_billing import invoice as make_invoice
from tests.store.test_increases import make_request
from tests.store.test_notices import make_notice
from tests.store.test_spend_alerts import make_alert


@dataclass(frozen=True)
class Kind:
    """`add` puts the nth object at a time, `page` reads; `remove` where objects are deleted for good. `newest_first`: whatever
    the page says."""

    name: str
    add: Callable[[Transaction, int, int], str]
    page: Callable[[Transaction, Page], Listed[Any]]
    remove: Callable[[Transaction, str], object] | None = None
    newest_first: bool = False
    by_number: bool = False
    """Ordered by the number alone."""


def _key(tx: Transaction, n: int, at: int) -> str:
    key = make_key(n, created_at=at)
    tx.keys.add(key)
    tx.keys.add(make_key(500_000 + n, created_at=at, project_id=OTHER_PROJECT))
    return key.id


def _admin_key(tx: Transaction, n: int, at: int) -> str:
    key = make_key(n, created_at=at, kind=KeyKind.ADMIN, project_id=None)
    tx.keys.add(key)
    tx.keys.add(make_key(500_000 + n, created_at=at))
    return key.id


def _kept_key(tx: Transaction, n: int, at: int) -> str:
    """Every other key is of a service account that is deleted."""
    key = make_key(n, created_at=at)
    tx.keys.add(key)
    gone = {"kind": KeyKind.SERVICE_ACCOUNT, "user_id": None, "service_account_id": f"{ROBO}_gone_{n}"}
    tx.service_accounts.add(ServiceAccount(f"{ROBO}_gone_{n}", ORG, PROJECT, "gone", "member", at, deleted_at=at))
    tx.keys.add(make_key(500_000 + n, created_at=at, **gone))
    return key.id


def _project(tx: Transaction, n: int, at: int) -> str:
    tx.projects.add(Project(f"proj_{n:03d}", ORG, "P", at))
    tx.projects.add(Project(f"proj_{n:03d}x", ORG, "P", at, archived_at=at))
    return f"proj_{n:03d}"


def _account(tx: Transaction, n: int, at: int) -> str:
    tx.service_accounts.add(ServiceAccount(f"svc_{n:03d}", ORG, OTHER_PROJECT, "S", "member", at))
    tx.service_accounts.add(ServiceAccount(f"svc_{n:03d}x", ORG, OTHER_PROJECT, "S", "member", at, deleted_at=at))
    return f"svc_{n:03d}"


def _budget(tx: Transaction, n: int, at: int) -> str:
    budget = make_budget(n, created_at=at)
    tx.budgets.add(budget)
    _born(tx, EventType.BUDGET_CREATED, budget.id, at)
    return budget.id


def _alert(tx: Transaction, n: int, at: int) -> str:
    alert = make_alert(n, created_at=at)
    tx.spend_alerts.add(alert)
    tx.spend_alerts.add(make_alert(500_000 + n, created_at=at, scope_id=OTHER_PROJECT))
    _born(tx, EventType.SPEND_ALERT_CREATED, alert.id, at)
    return alert.id


def _request(tx: Transaction, n: int, at: int) -> str:
    request = make_request(n, at)
    tx.increases.add(request)
    return request.id


def _invoice(tx: Transaction, n: int, at: int) -> str:
    invoice = replace(make_invoice(n, f"{2000 + n // 12}-{n % 12 + 1:02d}"), created_at=at)
    tx.invoices.add(invoice)
    return str(invoice.id)


def _notice(tx: Transaction, n: int, at: int) -> str:
    notice = make_notice(n, created_at=at)
    tx.notices.add(notice)
    return notice.id


def _upstream(tx: Transaction, n: int, at: int) -> str:
    upstream = make_upstream(f"u{n:06d}", created_at=at)
    tx.upstreams.add(upstream)
    tx.upstreams.add(make_upstream(f"u{n:06d}", OTHER_ORG, at))
    _born(tx, EventType.UPSTREAM_CREATED, upstream.id, at)
    return upstream.id


def _invite(tx: Transaction, n: int, at: int) -> str:
    invite = make_invite(n, created_at=at)
    tx.invites.add(invite)
    _born(tx, EventType.INVITE_SENT, invite.id, at)
    return invite.id


def _certificate(tx: Transaction, n: int, at: int) -> str:
    certificate = make_certificate(n, created_at=at)
    tx.certificates.add(certificate)
    _born(tx, EventType.CERTIFICATE_CREATED, certificate.id, at)
    return certificate.id


def _person(tx: Transaction, n: int, at: int) -> str:
    """Who is in another organization too, and is put there first."""
    if n == 1:
        for user_id, before in ((ALICE, 100), (BOB, 101)):
            _born(tx, EventType.USER_ADDED, user_id, before)
    person = make_person(f"user-{n:03d}", at)
    tx.people.add(person, Member(OTHER_ORG, person.id, OrganizationRole.READER, 1000))
    tx.people.add(person, Member(ORG, person.id, OrganizationRole.READER, at))
    _born(tx, EventType.USER_ADDED, person.id, at)
    return person.id


def _project_member(tx: Transaction, n: int, at: int) -> str:
    """The event is about the role, and there are others of its kind about the same person elsewhere."""
    user_id = f"user-{n:03d}"
    tx.people.add(make_person(user_id, 1), Member(ORG, user_id, OrganizationRole.READER, 1))
    for project_id, when in ((PROJECT, at), (OTHER_PROJECT, 1000)):
        tx.project_members.put(ProjectMember(ORG, project_id, user_id, ProjectRole.MEMBER, when))
        details: dict[str, object] = {"principal_id": user_id, "resource_id": project_id}
        type_, event_id = EventType.ROLE_ASSIGNMENT_CREATED, f"audit_{project_id}_{n}"
        tx.audit.append(AuditEvent(event_id, when, ORG, type_, OPERATOR, "role-member", project_id, details))
    return user_id


def _persons(found: Listed[Any]) -> Listed[Any]:
    return Listed(tuple(person for person, _ in found.items), found.has_more)


def _event(tx: Transaction, n: int, at: int) -> str:
    made = make_event(n, at=at)
    tx.audit.append(made)
    return made.id


def _born(tx: Transaction, type_: EventType, object_id: str, at: int) -> None:
    tx.audit.append(AuditEvent(f"audit_log-{object_id}", at, ORG, type_, OPERATOR, object_id, PROJECT, {}))


_ALERTS_OF_PROJECT = ScopeFilter(None, PROJECT)

KINDS = (
    Kind(
        "keys",
        _key,
        lambda tx, page: tx.keys.list(ORG, KeyFilter(PROJECT, (KeyKind.USER, KeyKind.SERVICE_ACCOUNT)), page),
    ),
    Kind("admin keys", _admin_key, lambda tx, page: tx.keys.list(ORG, KeyFilter(kinds=(KeyKind.ADMIN,)), page)),
    Kind("kept keys", _kept_key, lambda tx, page: tx.keys.list(ORG, KeyFilter(PROJECT, owner_has_access=True), page)),
    Kind("projects", _project, lambda tx, page: tx.projects.list(ORG, page)),
    Kind("service accounts", _account, lambda tx, page: tx.service_accounts.list(ORG, OTHER_PROJECT, page)),
    Kind(
        "budgets",
        _budget,
        lambda tx, page: tx.budgets.list(ORG, ScopeFilter(), page),
        lambda tx, i: tx.budgets.remove(i),
    ),
    Kind(
        "spend alerts",
        _alert,
        lambda tx, page: tx.spend_alerts.list(ORG, _ALERTS_OF_PROJECT, page),
        lambda tx, i: tx.spend_alerts.remove(i),
    ),
    Kind("increase requests", _request, lambda tx, page: tx.increases.list(ORG, page)),
    Kind("invoices", _invoice, lambda tx, page: tx.invoices.page(ORG, page), by_number=True),
    Kind("notices", _notice, lambda tx, page: tx.notices.list(ORG, None, page), newest_first=True),
    Kind("upstreams", _upstream, lambda tx, page: tx.upstreams.list(ORG, page), lambda tx, i: tx.upstreams.remove(i)),
    Kind("invites", _invite, lambda tx, page: tx.invites.list(ORG, page), lambda tx, i: tx.invites.remove(ORG, i)),
    Kind(
        "certificates",
        _certificate,
        lambda tx, page: tx.certificates.page(ORG, page),
        lambda tx, i: tx.certificates.remove(i),
    ),
    Kind(
        "people",
        _person,
        lambda tx, page: _persons(tx.people.list(ORG, page)),
        lambda tx, i: tx.people.remove_member(ORG, i),
    ),
    Kind(
        "people of a project",
        _project_member,
        lambda tx, page: _persons(tx.project_members.list(ORG, PROJECT, page)),
        lambda tx, i: tx.project_members.remove(ORG, PROJECT, i),
    ),
    Kind("audit events", _event, lambda tx, page: tx.audit.list(ORG, page), newest_first=True),
)
