"""The organizations of a house, which the operator alone makes: the first one runs the house, further ones are served by it.

Who works in one sees nothing of another. These verbs are about the house itself, so they have no caller: no face but the terminal
has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from keyhouse.control import fields, setup
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.people import email
from keyhouse.control.setup import FirstFacts
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.projects import Organization
from keyhouse.store.contract import Transaction


class Listing(NamedTuple):
    """`runs_house`: whether it is the house's own, whose owners change prices and upstreams."""

    organization: Organization
    runs_house: bool


class Entered(NamedTuple):
    """Where a command works. `of_several`: whether another one could have been meant."""

    organization: Organization
    of_several: bool


def create(control: Control, name: object, owner_email: object = None) -> FirstFacts:
    """A further organization with its Default project, its owner, an admin key and an API key.

    Without an email its owner gets an address that nobody else has. Raises `conflict` for a name that is there already, and for a
    house without a first organization.
    """
    called, organization_id = fields.name(name), ids.new_id(ids.ORGANIZATION)
    address = f"owner@{organization_id.lower()}.localhost" if owner_email is None else email(owner_email, "owner_email")
    founding = setup.prepared(control, organization_id, called, address)
    with control.store.write() as tx:
        _refuse_taken(_all(tx), called)
        return setup.found(control, tx, founding)


def list_all(control: Control) -> Sequence[Listing]:
    """All of them, the house's own first, then in the order in which they were made."""
    with control.store.read() as tx:
        return [Listing(organization, place == 0) for place, organization in enumerate(_all(tx))]


def show(control: Control, which: str) -> Listing:
    """The organization with this id or name. Raises `not_found`."""
    with control.store.read() as tx:
        organizations = _all(tx)
        found = _find(organizations, which)
    return Listing(found, found == organizations[0])


def rename(control: Control, which: str, name: object) -> Listing:
    """Gives the organization with this id or name another name. Raises `not_found`, and `conflict` for a name that is taken."""
    now, called = control.clock(), fields.name(name)
    details: dict[str, object] = {"changes_requested": {"name": called, "title": called}}
    with control.store.write() as tx:
        organizations = _all(tx)
        before = _find(organizations, which)
        _refuse_taken([other for other in organizations if other.id != before.id], called)
        organization = replace(before, name=called)
        caller = Caller.operator(organization.id)
        tx.organizations.save(organization)
        tx.audit.append(event(caller, now, EventType.ORGANIZATION_UPDATED, organization.id, details=details))
    return Listing(organization, before == organizations[0])


def entered(control: Control, named: str | None) -> Entered:
    """The organization with this id or name; the house's own where none is named. Raises `not_found`."""
    with control.store.read() as tx:
        organizations = _all(tx)
    return Entered(organizations[0] if named is None else _find(organizations, named), len(organizations) > 1)


def as_object(item: Listing) -> dict[str, object]:
    """`organization`, and whether it runs the house."""
    found = item.organization
    return {
        "object": "organization",
        "id": found.id,
        "name": found.name,
        "created_at": found.created_at,
        "runs_house": item.runs_house,
    }


def _all(tx: Transaction) -> Sequence[Organization]:
    organizations = tx.organizations.all()
    if not organizations:
        raise KeyhouseError(ErrorCode.CONFLICT, "This house has no organization yet; make it with keyhouse init.")
    return organizations


def _find(organizations: Sequence[Organization], which: str) -> Organization:
    for organization in organizations:
        if organization.id == which:
            return organization
    for organization in organizations:
        if organization.name == which:
            return organization
    message = (
        f"There is no organization '{shown(which)}' in this house; keyhouse organizations list shows those there are."
    )
    raise KeyhouseError(ErrorCode.NOT_FOUND, message)


def _refuse_taken(others: Sequence[Organization], name: str) -> None:
    if any(name.casefold() == other.name.casefold() or name == other.id for other in others):
        message = f"There is an organization named '{shown(name)}' in this house already."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="name")
