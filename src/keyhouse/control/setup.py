"""The first run, and each further organization: itself, its Default project, its owner and two keys, in one transaction."""

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
    """What a new organization is entered with. The secrets exist here and nowhere else; an owner whom the house knows already
    keeps their password (None)."""

    organization_id: str
    project_id: str
    admin_key: str = field(repr=False)
    api_key: str = field(repr=False)
    owner_email: str
    owner_password: str | None = field(repr=False)

    def as_json(self) -> dict[str, str | None]:
        """The object that `keyhouse init --json` prints."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Founding:
    """An organization that is to be made, and its owner with a first password."""

    organization: Organization
    owner: Person
    password: str = field(repr=False)


def initialise(
    control: Control,
    prices: Iterable[Price] = (),
    *,
    organization_name: str = ORGANIZATION_NAME,
    owner_email: str = OWNER_EMAIL,
) -> FirstFacts:
    """Fills an empty house. Raises `already_initialised` for one that has an organization."""
    founding = prepared(control, ids.new_id(ids.ORGANIZATION), fields.name(organization_name), owner_email)
    with control.store.write() as tx:
        if tx.organizations.first() is not None:
            raise KeyhouseError(
                ErrorCode.ALREADY_INITIALISED, "This house is initialised already; nothing was changed."
            )
        facts = found(control, tx, founding)
        _add_prices(tx, Caller.operator(facts.organization_id), founding.organization.created_at, prices)
    return facts


def prepared(control: Control, organization_id: str, name: str, owner_email: str) -> Founding:
    """What is made before the transaction that it is stored in: hashing a password takes its time."""
    now = control.clock()
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    owner = Person(ids.new_id(ids.USER), owner_email, "Owner", now, PasswordHasher().hash(password))
    return Founding(Organization(organization_id, name, now), owner, password)


def found(control: Control, tx: Transaction, founding: Founding) -> FirstFacts:
    """Makes the organization, its Default project, its owner, an admin key and an API key. Somebody whom the house knows by this
    email is the owner."""
    organization = founding.organization
    known = tx.people.of_house(founding.owner.email)
    owner, password = (founding.owner, founding.password) if known is None else (known, None)
    caller = Caller.operator(organization.id)
    project = _add_organization(tx, caller, organization, owner)
    admin_key = _add_key(control, tx, caller, Holder(KeyKind.ADMIN, user_id=owner.id), "First admin key")
    api_key = _add_key(control, tx, caller, Holder(KeyKind.USER, project.id, owner.id), "First key")
    return FirstFacts(organization.id, project.id, admin_key, api_key, owner.email, password)


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
