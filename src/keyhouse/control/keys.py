"""The life of a key: one function per verb, for a person's project keys, service accounts' keys and admin keys alike.

The state machine is `domain/keys.py`. A verb on an existing key names where the key is looked for: the project it belongs to,
or None for the organization's admin keys. A verb returns once every running gateway obeys it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from keyhouse.control import admin_keys, fields, tags
from keyhouse.control.authority import needs, of_admin_key, require_own_or, require_to_cover
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET, UnsetType
from keyhouse.control.key_fields import KeyFields, checked, facts, facts_of_new
from keyhouse.control.lookup import require_key, require_open_project, require_project, resolved_holder
from keyhouse.control.minting import Holder, mint_key, mint_secret
from keyhouse.control.spend_limits import key_field, key_limit, limit_facts
from keyhouse.control.views import KeyView, view, views
from keyhouse.domain import keys as life
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import invalid
from keyhouse.domain.keys import Key, KeyKind
from keyhouse.store.contract import ChangeKind, KeyFilter, Listed, Page, Transaction


@dataclass(frozen=True, slots=True)
class Created:
    """A new key, and the only full copy of its secret."""

    view: KeyView
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key with a new secret (its only full copy), and when the old one ends (Unix seconds)."""

    view: KeyView
    value: str = field(repr=False)
    previous_valid_until: int


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def create(control: Control, caller: Caller, holder: Holder, given: KeyFields) -> Created:
    """A new key of this holder, active at once. Raises `not_found` or `conflict` for a project that is absent or archived."""
    now = control.clock()
    wanted = checked(given, now, admin=holder.kind is KeyKind.ADMIN, name_required=True)
    spend_limit, new_tags = key_field(given.spend_limit), tags.checked(given.tags)
    with control.store.write() as tx:
        minted = mint_key(control, caller.organization_id, resolved_holder(tx, caller, holder), now, **wanted)
        key = minted.key
        admin_keys.require_its_role(tx, caller, key)
        _require_change(tx, caller, key)
        budgets = key_limit(tx, caller, key, spend_limit, now)
        data = facts_of_new(key, wanted) | limit_facts(spend_limit) | tags.facts(new_tags)
        details: dict[str, object] = {"data": data}
        tx.keys.add(key)
        for budget in budgets.added:
            tx.budgets.add(budget)
        for given_tags in new_tags:
            tx.tags.replace(key.organization_id, key.id, given_tags)
        tx.audit.append(event(caller, now, _CREATED[key.kind], key.id, project_id=key.project_id, details=details))
        seen = view(tx, key, now)
    return Created(seen, minted.value)


@needs(Permission.KEYS_READ, organization=Permission.ADMIN_KEYS_READ)
def list_page(
    control: Control,
    caller: Caller,
    project_id: str | None,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    owner_access: bool | None = None,
    newest_first: bool = False,
) -> Listed[KeyView]:
    """Keys of a project, or the admin keys, oldest first unless said otherwise; revoked ones too, and no deleted ones.

    `owner_access` keeps those whose owner has (True) or has lost (False) its place in the project.
    """
    now = control.clock()
    where = KeyFilter(project_id, _kinds(project_id), owner_has_access=owner_access)
    with control.store.read() as tx:
        if project_id is not None:
            require_project(tx, caller, project_id)
        page = tx.keys.list(caller.organization_id, where, Page(after, limit, newest_first, before))
        return Listed(views(tx, page.items, now), page.has_more)


@needs(Permission.KEYS_READ, organization=Permission.ADMIN_KEYS_READ)
def show(control: Control, caller: Caller, project_id: str | None, key_id: str) -> KeyView:
    """One key, whatever its state; never its secret."""
    with control.store.read() as tx:
        return view(tx, require_key(tx, caller, project_id, key_id), control.clock())


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def update(control: Control, caller: Caller, project_id: str | None, key_id: str, given: KeyFields) -> KeyView:
    """Changes the fields that are given. Raises `conflict` for a revoked or expired key."""
    wanted = checked(given, control.clock(), admin=project_id is None, name_required=False)
    spend_limit, new_tags = key_field(given.spend_limit), tags.checked(given.tags)
    if not wanted and spend_limit is UNSET and not new_tags:
        of_project = "name, permissions, models, expires_in_seconds, ip_allowlist, rate_limits, spend_limit or tags"
        of_admin = "name, expires_in_seconds, ip_allowlist, role_id or scopes"
        known = of_admin if project_id is None else of_project
        raise invalid("name", f"Give something to change: {known}.")

    def changed(key: Key, now: int) -> Key:
        life.require_changeable(key, now)
        return replace(key, **wanted)

    requested = facts(wanted) | limit_facts(spend_limit) | tags.facts(new_tags)
    return _change(
        control,
        caller,
        project_id,
        key_id,
        step=changed,
        types=_UPDATED,
        details={"changes_requested": requested},
        spend_limit=spend_limit,
        new_tags=new_tags,
    )


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def rotate(
    control: Control, caller: Caller, project_id: str | None, key_id: str, *, grace_seconds: object = 0
) -> Rotated:
    """A new secret, valid at once; the old ones work until the grace (0 to 30 days, in seconds) ends."""
    now = control.clock()
    ends = now + fields.grace(grace_seconds)
    details: dict[str, object] = {"action": "rotated", "previous_valid_until": ends}
    with control.store.write() as tx:
        key = _open(tx, caller, require_key(tx, caller, project_id, key_id))
        _require_change(tx, caller, key)
        life.require_rotatable(key, now)
        secret, value = mint_secret(control, key.kind, key.id, now)
        for old in key.secrets:
            tx.keys.end_secret(old.public_id, ends)
        tx.keys.add_secret(secret)
        tx.audit.append(event(caller, now, _ROTATED[key.kind], key.id, project_id=project_id, details=details))
        seq = tx.changes.append(ChangeKind.KEY, key.id)
        seen = view(tx, require_key(tx, caller, project_id, key_id), now)
    control.announce(seq)
    return Rotated(seen, value, ends)


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def disable(control: Control, caller: Caller, project_id: str | None, key_id: str) -> KeyView:
    """Refuses the key until it is enabled. Disabling twice is the same as once."""
    details: dict[str, object] = {"action": "disabled"}
    return _change(
        control, caller, project_id, key_id, step=life.disabled, types=_UPDATED, details=details, narrows=True
    )


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def enable(control: Control, caller: Caller, project_id: str | None, key_id: str) -> KeyView:
    """Ends a disablement or a quarantine."""
    return _change(
        control, caller, project_id, key_id, step=life.enabled, types=_UPDATED, details={"action": "enabled"}
    )


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def revoke(control: Control, caller: Caller, project_id: str | None, key_id: str) -> KeyView:
    """Refuses the key for good. Revoking twice is the same as once."""
    details: dict[str, object] = {"action": "revoked"}
    return _change(
        control, caller, project_id, key_id, step=life.revoked, types=_DELETED, details=details, narrows=True
    )


@needs(Permission.KEYS_WRITE, own=Permission.OWN_KEYS_WRITE, organization=Permission.ADMIN_KEYS_WRITE)
def delete(control: Control, caller: Caller, project_id: str | None, key_id: str) -> KeyView:
    """Revokes a person's key and takes it out of every list. Deleting twice is the same as once.

    A service account's key is refused, as OpenAI does: the account would be left without one.
    """
    with control.store.read() as tx:
        key = require_key(tx, caller, project_id, key_id, deleted_too=True)
        _require_change(tx, caller, key, narrows=True)
    if key.kind is KeyKind.SERVICE_ACCOUNT:
        raise invalid("key_id", "A service account's key is not deleted: revoke it, or delete the service account.")
    details: dict[str, object] = {"action": "deleted"}
    return _change(
        control, caller, project_id, key_id, step=life.deleted, types=_DELETED, details=details, narrows=True
    )


_CREATED = {
    KeyKind.ADMIN: EventType.ADMIN_KEY_CREATED,
    KeyKind.SERVICE_ACCOUNT: EventType.API_KEY_CREATED,
    KeyKind.USER: EventType.API_KEY_CREATED,
}
_UPDATED = {
    KeyKind.ADMIN: EventType.ADMIN_KEY_UPDATED,
    KeyKind.SERVICE_ACCOUNT: EventType.API_KEY_UPDATED,
    KeyKind.USER: EventType.API_KEY_UPDATED,
}
_ROTATED = {
    KeyKind.ADMIN: EventType.ADMIN_KEY_UPDATED,
    KeyKind.SERVICE_ACCOUNT: EventType.API_KEY_ROTATED,
    KeyKind.USER: EventType.API_KEY_ROTATED,
}
_DELETED = {
    KeyKind.ADMIN: EventType.ADMIN_KEY_DELETED,
    KeyKind.SERVICE_ACCOUNT: EventType.API_KEY_DELETED,
    KeyKind.USER: EventType.API_KEY_DELETED,
}


def _change(
    control: Control,
    caller: Caller,
    project_id: str | None,
    key_id: str,
    *,
    step: Callable[[Key, int], Key],
    types: Mapping[KeyKind, EventType],
    details: dict[str, object],
    narrows: bool = False,
    spend_limit: int | UnsetType | None = UNSET,
    new_tags: tags.Change = (),
) -> KeyView:
    # A step that changes nothing is written and announced all the same: whoever repeats a call whose announcement failed must
    # not be told that all is well before every gateway has heard. In an archived project only narrowing is left to do.
    now = control.clock()
    with control.store.write() as tx:
        before = require_key(tx, caller, project_id, key_id, deleted_too=step is life.deleted)
        _require_change(tx, caller, before, narrows=narrows)
        key = step(before if narrows else _open(tx, caller, before), now)
        if key.role_id != before.role_id:
            admin_keys.require_its_role(tx, caller, key)
        _require_change(tx, caller, key, narrows=narrows)
        budgets = key_limit(tx, caller, key, spend_limit, now)
        tx.keys.save(key)
        for budget in budgets.added:
            tx.budgets.add(budget)
        for budget in budgets.saved:
            tx.budgets.save(budget)
        for budget in budgets.removed:
            tx.budgets.remove(budget.id)
        for given_tags in new_tags:
            tx.tags.replace(key.organization_id, key.id, given_tags)
        tx.audit.append(event(caller, now, types[key.kind], key.id, project_id=project_id, details=details))
        seq = tx.changes.append(ChangeKind.KEY, key.id)
        seen = view(tx, key, now)
    control.announce(seq)
    return seen


def _require_change(tx: Transaction, caller: Caller, key: Key, *, narrows: bool = False) -> None:
    """Whoever gets an admin key, or puts one into force, gets what it may do: they must hold that themselves, where
    they may use their own."""
    if key.kind is not KeyKind.ADMIN:
        require_own_or(caller, Permission.KEYS_WRITE, key)
    elif not narrows:
        require_to_cover(caller, of_admin_key(tx, key))
        admin_keys.require_its_networks(caller, key)


def _open(tx: Transaction, caller: Caller, key: Key) -> Key:
    if key.project_id is not None:
        require_open_project(tx, caller, key.project_id)
    return key


def _kinds(project_id: str | None) -> tuple[KeyKind, ...]:
    return (KeyKind.ADMIN,) if project_id is None else (KeyKind.SERVICE_ACCOUNT, KeyKind.USER)
