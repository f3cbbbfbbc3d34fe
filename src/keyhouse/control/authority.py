"""May this caller do that? Every verb of control says what it needs; what nobody granted is refused, whatever face asks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import signature
from typing import Concatenate, ParamSpec, TypeVar, cast

from keyhouse.control.context import Caller, Control
from keyhouse.control.minting import Holder
from keyhouse.domain.authority import (
    NO_AUTHORITY,
    OF_HOUSE,
    Authority,
    Permission,
    authority_of,
    permission_of,
    predefined_role,
)
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import Key
from keyhouse.store.contract import Transaction

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[Concatenate[Control, Caller, P], R]
_ABOUT_THE_HOUSE = (
    "Prices and upstreams are the house's: the operator changes them, and owners of its own organization."
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a verb needs: `permission`, in the project that it names or, where it names none, in the organization.

    `own`: is enough for what is the caller's own; the verb looks whose it is. `organization`: needed instead where no project
    is named. `somewhere`: is enough in any project; the verb learns which one it is about, and asks again with `require`.
    """

    permission: Permission
    own: Permission | None = None
    organization: Permission | None = None
    somewhere: bool = False

    def met_by(self, authority: Authority, project_id: str | None) -> bool:
        if project_id is None and self.organization is not None:
            return authority.may(self.organization)
        if authority.may(self.permission, project_id) or (self.somewhere and authority.anywhere(self.permission)):
            return True
        return self.own is not None and authority.may(self.own, project_id)

    def refusal(self, project_id: str | None) -> KeyhouseError:
        asked = self.organization if project_id is None and self.organization is not None else self.permission
        where = "in this organization" if project_id is None else "in this project"
        message = f"You have insufficient permissions for this operation. Missing {where}: {asked.value}."
        if asked in OF_HOUSE:
            message += f" {_ABOUT_THE_HOUSE}"
        return KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)


def needs(
    permission: Permission,
    *,
    own: Permission | None = None,
    organization: Permission | None = None,
    somewhere: bool = False,
) -> Callable[[Verb[P, R]], Verb[P, R]]:
    """Guards a verb of control: `(control, caller, …)`, whose project is its `project_id`, or its `holder`'s. See `Needs`."""
    asked = Needs(permission, own, organization, somewhere)

    def guard(verb: Verb[P, R]) -> Verb[P, R]:
        project_of = _project_of(verb)

        @functools.wraps(verb)
        def guarded(control: Control, caller: Caller, *args: P.args, **kwargs: P.kwargs) -> R:
            project_id = project_of(args, kwargs)
            if not asked.met_by(caller.authority, project_id):
                raise asked.refusal(project_id)
            return verb(control, caller, *args, **kwargs)

        guarded.__dict__["needs"] = asked
        return cast(Verb[P, R], guarded)

    return guard


def needs_of(verb: Callable[..., object]) -> Needs:
    """What a guarded verb needs."""
    return cast(Needs, verb.__dict__["needs"])


def require(caller: Caller, permission: Permission, project_id: str | None) -> None:
    """Raises `insufficient_permissions` unless this is granted, in the project or (None) in the organization."""
    if not caller.authority.may(permission, project_id):
        raise Needs(permission).refusal(project_id)


def require_own_or(caller: Caller, permission: Permission, key: Key) -> None:
    """For a verb guarded with `own`: raises unless the key is the caller's own, or everybody's are the caller's to change."""
    if key.user_id is None or key.user_id != caller.actor.user_id or key.service_account_id is not None:
        require(caller, permission, key.project_id)


def require_to_hold(
    caller: Caller, permissions: Iterable[Permission], project_id: str | None, *, param: str | None
) -> None:
    """Nobody grants more than they hold. Raises `insufficient_permissions` naming what is missing."""
    missing = sorted(p.value for p in caller.authority.lacks(permissions, project_id))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        message = f"You cannot grant what you do not hold yourself: {', '.join(missing[:3])}{more}."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message, param=param)


def require_to_cover(caller: Caller, authority: Authority) -> None:
    """Nobody hands out more than they hold, wherever it is held: raises `insufficient_permissions` naming what is missing."""
    require_to_hold(caller, authority.everywhere, None, param=None)
    for project_id, permissions in authority.projects.items():
        require_to_hold(caller, permissions, project_id, param=None)


def of_person(tx: Transaction, organization_id: str, user_id: str) -> Authority:
    """What a person may do in an organization now, by every role that they hold there."""
    first = tx.organizations.first()
    held = tx.role_assignments.held_by(organization_id, user_id)
    return authority_of(held, of_house=first is not None and first.id == organization_id)


def of_admin_key(tx: Transaction, key: Key) -> Authority:
    """What an admin key may do now: what its person may, cut to its role and to its scopes."""
    authority = of_person(tx, key.organization_id, key.user_id or "")
    if key.role_id is not None:
        role = predefined_role(key.role_id) or tx.roles.get(key.organization_id, key.role_id)
        authority = NO_AUTHORITY if role is None else authority.cut_to(role.permissions)
    if key.scopes is not None:
        authority = authority.cut_to(frozenset(p for p in map(permission_of, key.scopes) if p is not None))
    return authority


def _project_of(verb: Callable[..., object]) -> Callable[[tuple[object, ...], dict[str, object]], str | None]:
    names = list(signature(verb).parameters)[2:]
    name = next((name for name in ("project_id", "holder") if name in names), None)

    def project_of(args: tuple[object, ...], kwargs: dict[str, object]) -> str | None:
        if name is None:
            return None
        place = names.index(name)
        given = args[place] if place < len(args) else kwargs.get(name)
        if isinstance(given, Holder):
            return given.project_id
        return given if isinstance(given, str) else None

    return project_of
