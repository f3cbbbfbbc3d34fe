"""Upstreams: who answers calls for which models. Named by the operator and the owner alone; their keys go in and never come out.

Listing an upstream's models needs HTTP, which control has none of: it is handed a function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keyhouse.control import fields, upstream_fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control, ListModels
from keyhouse.control.events import event
from keyhouse.control.lookup import require_open_project
from keyhouse.control.upstream_fields import UpstreamFields, redacted, required
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, not_found
from keyhouse.domain.upstreams import Upstream, seal_context
from keyhouse.store.contract import ChangeKind, Listed, Page, Transaction


@dataclass(frozen=True, slots=True)
class Tested:
    """An upstream as it is kept now, and why its models could not be listed, if they could not."""

    upstream: Upstream
    problem: str | None = None


@needs(Permission.UPSTREAMS_WRITE)
def add(control: Control, caller: Caller, given: UpstreamFields, list_models: ListModels) -> Tested:
    """Adds an upstream, in force at once. Without `models` it must answer now; with them it may be down."""
    now = control.clock()
    wanted = upstream_fields.checked(given)
    upstream, problem = _with_models(_new(control, caller, wanted, now), wanted, wanted.get("key"), list_models)
    place, details = upstream.project_id, upstream_fields.facts(upstream)
    with control.store.write() as tx:
        _require_place(tx, caller, upstream)
        tx.upstreams.add(upstream)
        tx.audit.append(event(caller, now, EventType.UPSTREAM_CREATED, upstream.id, project_id=place, details=details))
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return Tested(upstream, problem)


@needs(Permission.UPSTREAMS_READ)
def list_page(
    control: Control,
    caller: Caller,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    newest_first: bool = False,
) -> Listed[Upstream]:
    """The organization's upstreams, oldest first unless said otherwise: the order in which they are asked."""
    with control.store.read() as tx:
        return tx.upstreams.list(caller.organization_id, Page(after, limit, newest_first, before))


@needs(Permission.UPSTREAMS_READ)
def show(control: Control, caller: Caller, upstream_id: str) -> Upstream:
    """One upstream, never its key. Raises `not_found`."""
    with control.store.read() as tx:
        return _require(tx, caller, upstream_id)


@needs(Permission.UPSTREAMS_WRITE)
def update(
    control: Control, caller: Caller, upstream_id: str, given: UpstreamFields, list_models: ListModels
) -> Tested:
    """Changes the fields that are given, in force at once. A key goes to no other server than that it was given for."""
    now = control.clock()
    wanted = upstream_fields.checked(given)
    if not wanted:
        raise invalid("name", "Give something to change: name, base_url, key, models or project_id.")
    with control.store.read() as tx:
        before = _require(tx, caller, upstream_id)
    upstream, problem = _changed(control, before, wanted, list_models)
    details: dict[str, object] = {"changes_requested": upstream_fields.facts_of_change(wanted)}
    with control.store.write() as tx:
        _refuse_if_changed(_require(tx, caller, upstream_id), before)
        _require_place(tx, caller, upstream)
        tx.upstreams.save(upstream)
        tx.audit.append(event(caller, now, EventType.UPSTREAM_UPDATED, upstream.id, details=details))
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return Tested(upstream, problem)


@needs(Permission.UPSTREAMS_WRITE)
def test(control: Control, caller: Caller, upstream_id: str, list_models: ListModels) -> Tested:
    """Asks the upstream for its models, and remembers them. Raises `upstream_unlisted`."""
    now = control.clock()
    with control.store.read() as tx:
        before = _require(tx, caller, upstream_id)
    listed, _ = _listing(before, _opened_key(control, before), list_models, required=True)
    with control.store.write() as tx:
        upstream = replace(_require(tx, caller, upstream_id), listed_models=listed)
        tx.upstreams.save(upstream)
        tx.audit.append(event(caller, now, EventType.UPSTREAM_UPDATED, upstream.id, details={"listed": len(listed)}))
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return Tested(upstream)


@needs(Permission.UPSTREAMS_WRITE)
def remove(control: Control, caller: Caller, upstream_id: str) -> Upstream:
    """Removes an upstream: no call that begins after this returns goes there."""
    now = control.clock()
    with control.store.write() as tx:
        upstream = _require(tx, caller, upstream_id)
        tx.upstreams.remove(upstream.id)
        tx.audit.append(event(caller, now, EventType.UPSTREAM_DELETED, upstream.id, details={"name": upstream.name}))
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return upstream


def _new(control: Control, caller: Caller, wanted: dict[str, Any], now: int) -> Upstream:
    upstream = Upstream(
        id=ids.new_id(ids.UPSTREAM),
        organization_id=caller.organization_id,
        name=required(wanted, "name"),
        base_url=required(wanted, "base_url"),
        models=(),
        created_at=now,
        project_id=wanted.get("project_id"),
        ca_file=wanted.get("ca_file"),
    )
    return _with_key(control, upstream, wanted.get("key"))


def _changed(
    control: Control, before: Upstream, wanted: dict[str, Any], list_models: ListModels
) -> tuple[Upstream, str | None]:
    upstream = replace(before, **{name: wanted[name] for name in wanted if name not in {"key", "models"}})
    if "key" in wanted:
        upstream = _with_key(control, upstream, wanted["key"])
    elif upstream.base_url != before.base_url and before.sealed_key is not None:
        # Or whoever may name a server, but does not know the key, would have it sent to a server of theirs.
        raise invalid("key", "The key was given for another server: give 'key' with the new 'base_url', or null.")
    if not {"base_url", "key", "ca_file", "models"} & wanted.keys():
        return upstream, None
    return _with_models(upstream, wanted, _opened_key(control, upstream), list_models)


def _with_key(control: Control, upstream: Upstream, key: str | None) -> Upstream:
    sealed = None if key is None else control.sealer.seal(key.encode(), seal_context(upstream.id))
    return replace(upstream, sealed_key=sealed, key_redacted=redacted(key))


def _with_models(
    upstream: Upstream, wanted: dict[str, Any], key: str | None, list_models: ListModels
) -> tuple[Upstream, str | None]:
    """(the upstream with its models, and with what it lists now; why it does not list them, where it need not)"""
    names = wanted.get("models", upstream.models or None)
    listed, problem = _listing(upstream, key, list_models, required=names is None)
    models = listed if names is None else names
    if not models:
        message = "No models: the upstream lists none, or an empty list was given. Name them or use globs."
        raise invalid("models", message)
    return replace(upstream, models=models, listed_models=listed), problem


def _listing(
    upstream: Upstream, key: str | None, list_models: ListModels, *, required: bool
) -> tuple[tuple[str, ...], str | None]:
    try:
        listed = list_models(upstream.base_url, key, upstream.ca_file)
    except KeyhouseError as error:
        if required:  # the caller's to mend: what they named is no house's fault, and no 5xx
            raise KeyhouseError(ErrorCode.UPSTREAM_UNLISTED, error.message, param="base_url") from None
        return (), error.message
    return tuple(sorted({name for name in listed if 1 <= len(name) <= fields.MAX_NAME and name.isprintable()})), None


def _opened_key(control: Control, upstream: Upstream) -> str | None:
    if upstream.sealed_key is None:
        return None
    return control.sealer.open(upstream.sealed_key, seal_context(upstream.id)).decode()


def _require(tx: Transaction, caller: Caller, upstream_id: str) -> Upstream:
    upstream = tx.upstreams.get(caller.organization_id, upstream_id)
    if upstream is None:
        raise not_found("upstream", upstream_id)
    return upstream


def _require_place(tx: Transaction, caller: Caller, upstream: Upstream) -> None:
    """A name that no other has, and a project that is there."""
    named = tx.upstreams.by_name(caller.organization_id, upstream.name)
    if named is not None and named.id != upstream.id:
        message = f"There is an upstream named '{upstream.name}' already; remove it first or choose another name."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="name")
    if upstream.project_id is not None:
        require_open_project(tx, caller, upstream.project_id)


def _refuse_if_changed(now: Upstream, before: Upstream) -> None:
    if now != before:
        message = f"Upstream '{before.id}' was changed at the same time; look at it and try again."
        raise KeyhouseError(ErrorCode.CONFLICT, message)
