"""Objects by id or by name, as people at a terminal say them. A name must mean one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from keyhouse.control.context import Caller, Control
from keyhouse.control.held_roles import Principal
from keyhouse.control.lookup import require_project
from keyhouse.control.pages import every
from keyhouse.domain.errors import invalid, not_found, shown
from keyhouse.domain.keys import Key, KeyKind, KeyStatus
from keyhouse.domain.people import Group, Person, PrincipalKind
from keyhouse.domain.projects import Project, ServiceAccount
from keyhouse.domain.upstreams import Upstream
from keyhouse.store.contract import KeyFilter, Listed, Page, Transaction

T = TypeVar("T")


def default_project(control: Control, caller: Caller) -> Project:
    """The project that is meant where none is named."""
    with control.store.read() as tx:
        for project in _projects(tx, caller):
            if project.is_default:
                return project
    raise invalid("project", "There is no Default project; name one.")


def find_project(control: Control, caller: Caller, text: str) -> Project:
    """The project with this id or name."""
    with control.store.read() as tx:
        exact = tx.projects.get(caller.organization_id, text)
        if exact is not None:
            return exact
        named = [project for project in _projects(tx, caller) if project.name == text]
    return _only(named, "project", text, lambda p: p.archived_at is None, lambda p: p.id)


def find_upstream(control: Control, caller: Caller, text: str) -> Upstream:
    """The upstream with this id or name."""
    with control.store.read() as tx:
        found = tx.upstreams.get(caller.organization_id, text) or tx.upstreams.by_name(caller.organization_id, text)
    if found is None:
        raise not_found("upstream", text)
    return found


def find_service_account(control: Control, caller: Caller, project_id: str, text: str) -> ServiceAccount:
    """The service account of a project with this id or name."""
    with control.store.read() as tx:
        require_project(tx, caller, project_id)
        exact = tx.service_accounts.get(caller.organization_id, project_id, text)
        if exact is not None:
            return exact

        def page(cut: Page) -> Listed[ServiceAccount]:
            return tx.service_accounts.list(caller.organization_id, project_id, cut)

        named = [account for account in every(page, lambda a: a.id) if account.name == text]
    return _only(named, "service account", text, lambda _: True, lambda a: a.id)


def find_key(
    control: Control,
    caller: Caller,
    text: str,
    *,
    project_id: str | None = None,
    kinds: Sequence[KeyKind] = tuple(KeyKind),
) -> Key:
    """The key with this id, or with this name among those of the given kinds (and project, where one is given)."""
    now = control.clock()
    with control.store.read() as tx:
        exact = tx.keys.get(caller.organization_id, text)
        if exact is not None and exact.kind in kinds and project_id in {None, exact.project_id}:  # a deleted one too
            return exact

        def page(cut: Page) -> Listed[Key]:
            return tx.keys.list(caller.organization_id, KeyFilter(project_id, tuple(kinds)), cut)

        named = [key for key in every(page, lambda k: k.id) if key.name == text]
    return _only(named, "key", text, lambda k: k.status(now) is not KeyStatus.REVOKED, lambda k: k.id)


def find_person(control: Control, caller: Caller, text: str) -> Person:
    """The person of the organization with this id or email."""
    with control.store.read() as tx:
        found = tx.people.get(caller.organization_id, text) or tx.people.by_email(
            caller.organization_id, text.strip().lower()
        )
    if found is None:
        raise not_found("person", text)
    return found[0]


def find_group(control: Control, caller: Caller, text: str) -> Group:
    """The group with this id or name."""
    with control.store.read() as tx:
        exact = tx.groups.get(caller.organization_id, text)
        if exact is not None:
            return exact

        def page(cut: Page) -> Listed[Group]:
            return tx.groups.list(caller.organization_id, cut)

        named = [group for group in every(page, lambda g: g.id) if group.name == text]
    return _only(named, "group", text, lambda _: True, lambda g: g.id)


def find_holder(control: Control, caller: Caller, *, user: str | None, group: str | None) -> Principal:
    """The person with this id or email, or the group with this id or name: one of the two is given."""
    if (user is None) == (group is None):
        raise invalid("--user", "Give either '--user' or '--group'.")
    if user is not None:
        return Principal(PrincipalKind.USER, find_person(control, caller, user).id)
    return Principal(PrincipalKind.GROUP, find_group(control, caller, group or "").id)


def _projects(tx: Transaction, caller: Caller) -> Iterator[Project]:
    def page(cut: Page) -> Listed[Project]:
        return tx.projects.list(caller.organization_id, cut, include_archived=True)

    return every(page, lambda p: p.id)


def _only(named: Sequence[T], what: str, text: str, alive: Callable[[T], bool], id_of: Callable[[T], str]) -> T:
    # A name is often used again for the successor of something revoked or archived: the living one is meant.
    candidates = [item for item in named if alive(item)] or named
    if not candidates:
        raise not_found(what, text)
    if len(candidates) > 1:
        known = ", ".join(id_of(item) for item in candidates[:5])
        raise invalid(what.replace(" ", "_"), f"'{shown(text)}' names {len(candidates)} {what}s; use an id: {known}.")
    return candidates[0]
