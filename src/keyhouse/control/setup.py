"""The first run: an organization, its Default project, its owner and the first two keys, in one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from argon2 import PasswordHasher

from keyhouse.control import fields
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.minting import Holder, mint_key
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.money import Price
from keyhouse.domain.people import Member, OrganizationRole, Person
from keyhouse.domain.projects import Organization, Project
from keyhouse.store.contract import ChangeKind, Transaction

ORGANIZATION_NAME = "Keyhouse"
OWNER_EMAIL = "owner@localhost"
_PASSWORD_BYTES = 18


@dataclass(frozen=True, slots=True)
class FirstFacts:
    """What a new house is entered with. The secrets exist here and nowhere else."""

    organization_id: str
    project_id: str
    admin_key: str = field(repr=False)
    api_key: str = field(repr=False)
    owner_email: str
    owner_password: str = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """The object that `keyhouse init --json` prints."""
        return {name: getattr(self, name) for name in self.__slots__}


def initialise(
    control: Control,
    prices: Iterable[Price] = (),
    *,
    organization_name: str = ORGANIZATION_NAME,
    owner_email: str = OWNER_EMAIL,
) -> FirstFacts:
    """Fills an empty house. Raises `already_initialised` for one that has an organization."""
    now = control.clock()
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    organization = Organization(ids.new_id(ids.ORGANIZATION), fields.name(organization_name), now)
    owner = Person(ids.new_id(ids.USER), owner_email, "Owner", now, PasswordHasher().hash(password))
    caller = Caller.operator(organization.id)
    with control.store.write() as tx:
        if tx.organizations.all():
            raise KeyhouseError(
                ErrorCode.ALREADY_INITIALISED, "This house is initialised already; nothing was changed."
            )
        project = _add_organization(tx, caller, organization, owner)
        admin_key = _add_key(control, tx, caller, Holder(KeyKind.ADMIN, user_id=owner.id), "First admin key")
        api_key = _add_key(control, tx, caller, Holder(KeyKind.USER, project.id, owner.id), "First key")
        _add_prices(tx, caller, now, prices)
    return FirstFacts(organization.id, project.id, admin_key, api_key, owner_email, password)


def _add_organization(tx: Transaction, caller: Caller, organization: Organization, owner: Person) -> Project:
    now = organization.created_at
    project = Project(ids.new_id(ids.PROJECT), organization.id, "Default project", now, is_default=True)
    named = _data(name=project.name, title=project.name)
    tx.organizations.add(organization)
    tx.audit.append(event(caller, now, EventType.ORGANIZATION_CREATED, organization.id))
    tx.people.add(owner, Member(organization.id, owner.id, OrganizationRole.OWNER, now))
    tx.audit.append(
        event(caller, now, EventType.USER_ADDED, owner.id, details=_data(role=OrganizationRole.OWNER.value))
    )
    tx.projects.add(project)
    tx.audit.append(event(caller, now, EventType.PROJECT_CREATED, project.id, project_id=project.id, details=named))
    return project


def _add_key(control: Control, tx: Transaction, caller: Caller, holder: Holder, name: str) -> str:
    now = control.clock()
    minted = mint_key(control, caller.organization_id, holder, now, name=name)
    key = minted.key
    type_ = EventType.ADMIN_KEY_CREATED if key.kind is KeyKind.ADMIN else EventType.API_KEY_CREATED
    details = _data(scopes=key.permissions.scopes, name=name)
    tx.keys.add(key)
    tx.audit.append(event(caller, now, type_, key.id, project_id=key.project_id, details=details))
    return minted.value


def _data(**data: object) -> dict[str, object]:
    """What an event tells of something new, as OpenAI's do."""
    return {"data": data}


def _add_prices(tx: Transaction, caller: Caller, now: int, prices: Iterable[Price]) -> None:
    packaged = list(prices)
    if packaged:
        tx.prices.add(packaged)
        tx.audit.append(event(caller, now, EventType.PRICE_SET, "", details={"packaged": len(packaged)}))
        tx.changes.append(ChangeKind.PRICES, "")
