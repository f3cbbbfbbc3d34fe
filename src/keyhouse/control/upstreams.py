"""Upstreams: who answers calls for which models. Named by the operator and the owner alone; their keys go in and never come out.

Listing an upstream's models needs HTTP, which control has none of: it is handed a function.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.lookup import require_open_project
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.domain.upstreams import Upstream, seal_context
from keyhouse.store.contract import ChangeKind, Transaction

ListModels = Callable[[str, str | None, str | None], Sequence[str]]
"""(base URL, key or None, CA file or None) -> the names that the upstream lists. Raises `KeyhouseError` if it does not answer."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_KEY = 8192


@dataclass(frozen=True, slots=True)
class UpstreamFields:
    """What a face was given for an upstream, unchecked. `models` None serves exactly the models that the upstream lists."""

    name: str
    base_url: str
    key: str | None = field(default=None, repr=False)
    models: Sequence[str] | None = None
    project_id: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """An upstream as it is kept now, and why its models could not be listed, if they could not."""

    upstream: Upstream
    problem: str | None = None


@needs(Permission.UPSTREAMS_WRITE)
def add(control: Control, caller: Caller, given: UpstreamFields, list_models: ListModels) -> Tested:
    """Adds an upstream, in force at once. Without `models` it must answer now; with them it may be down."""
    now = control.clock()
    upstream = _checked(control, caller, given, now)
    listed, problem = _listing(upstream, given.key, list_models, required=given.models is None)
    models = listed if given.models is None else upstream.models
    if not models:
        raise invalid(
            "models", "No models: the upstream lists none, or an empty list was given. Name them or use globs."
        )
    upstream = replace(upstream, models=models, listed_models=listed)
    with control.store.write() as tx:
        _refuse_taken_name(tx, caller, upstream)
        if upstream.project_id is not None:
            require_open_project(tx, caller, upstream.project_id)
        tx.upstreams.add(upstream)
        tx.audit.append(
            event(
                caller,
                now,
                EventType.UPSTREAM_CREATED,
                upstream.id,
                project_id=upstream.project_id,
                details=_facts(upstream),
            )
        )
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return Tested(upstream, problem)


@needs(Permission.UPSTREAMS_READ)
def list_all(control: Control, caller: Caller) -> list[Upstream]:
    """The organization's upstreams, by name."""
    with control.store.read() as tx:
        mine = [upstream for upstream in tx.upstreams.all() if upstream.organization_id == caller.organization_id]
    return sorted(mine, key=lambda upstream: upstream.name)


@needs(Permission.UPSTREAMS_WRITE)
def test(control: Control, caller: Caller, name: str, list_models: ListModels) -> Tested:
    """Asks the upstream for its models, and remembers them. Raises what `list_models` raises."""
    now = control.clock()
    with control.store.read() as tx:
        upstream = _require(tx, caller, name)
    listed, _ = _listing(upstream, _opened_key(control, upstream), list_models, required=True)
    with control.store.write() as tx:
        upstream = replace(_require(tx, caller, name), listed_models=listed)
        tx.upstreams.save(upstream)
        tx.audit.append(event(caller, now, EventType.UPSTREAM_UPDATED, upstream.id, details={"listed": len(listed)}))
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return Tested(upstream)


@needs(Permission.UPSTREAMS_WRITE)
def remove(control: Control, caller: Caller, name: str) -> Upstream:
    """Removes an upstream: no call that begins after this returns goes there."""
    now = control.clock()
    with control.store.write() as tx:
        upstream = _require(tx, caller, name)
        tx.upstreams.remove(upstream.id)
        tx.audit.append(event(caller, now, EventType.UPSTREAM_DELETED, upstream.id, details={"name": upstream.name}))
        seq = tx.changes.append(ChangeKind.UPSTREAMS, "")
    control.announce(seq)
    return upstream


def _checked(control: Control, caller: Caller, given: UpstreamFields, now: int) -> Upstream:
    if not _NAME.fullmatch(given.name):
        raise invalid("name", "'name' must have 1 to 64 letters, digits, dots, dashes or underscores.")
    upstream_id = ids.new_id(ids.UPSTREAM)
    key = None if given.key is None else _key(given.key)
    return Upstream(
        id=upstream_id,
        organization_id=caller.organization_id,
        name=given.name,
        base_url=_base_url(given.base_url),
        models=fields.models(given.models) or (),
        created_at=now,
        sealed_key=None if key is None else control.sealer.seal(key.encode(), seal_context(upstream_id)),
        key_redacted=None if key is None else _redacted(key),
        project_id=given.project_id,
        ca_file=None if given.ca_file is None else _ca_file(given.ca_file),
    )


def _base_url(text: str) -> str:
    """The URL without a slash at its end. Query, fragment and credentials have no place in it."""
    try:
        url = urlsplit(text.strip())
        port_fits = url.port is None or url.port > 0
    except ValueError:
        raise invalid("base_url", "'base_url' is not a URL.") from None
    if url.scheme not in {"http", "https"} or not url.hostname or not port_fits:
        raise invalid("base_url", "'base_url' must be an http or https URL such as https://api.openai.com/v1.")
    if url.username is not None or url.password is not None:
        raise invalid("base_url", "'base_url' must not hold credentials; give the key with --key-stdin or --key-env.")
    if url.query or url.fragment or not text.strip().isascii() or any(c.isspace() for c in text.strip()):
        raise invalid("base_url", "'base_url' must not hold a query, a fragment, spaces or non-ASCII characters.")
    return text.strip().rstrip("/")


def _key(text: str) -> str:
    key = text.strip()
    if not 1 <= len(key) <= _MAX_KEY or not all(33 <= ord(c) <= 126 for c in key):
        raise invalid("key", f"The upstream's key must be 1 to {_MAX_KEY:,} printable ASCII characters without spaces.")
    return key


def _redacted(key: str) -> str:
    # Of a short key even four characters would tell too much.
    return f"…{key[-4:]}" if len(key) >= 20 else "…"


def _ca_file(text: str) -> str:
    path = os.path.abspath(text)
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise invalid("ca_file", f"'{shown(text)}' is not a file that can be read.")
    return path


def _listing(
    upstream: Upstream, key: str | None, list_models: ListModels, *, required: bool
) -> tuple[tuple[str, ...], str | None]:
    try:
        listed = list_models(upstream.base_url, None if key is None else key.strip(), upstream.ca_file)
    except KeyhouseError as error:
        if required:
            raise
        return (), error.message
    return tuple(sorted({name for name in listed if 1 <= len(name) <= fields.MAX_NAME and name.isprintable()})), None


def _opened_key(control: Control, upstream: Upstream) -> str | None:
    if upstream.sealed_key is None:
        return None
    return control.sealer.open(upstream.sealed_key, seal_context(upstream.id)).decode()


def _refuse_taken_name(tx: Transaction, caller: Caller, upstream: Upstream) -> None:
    if tx.upstreams.by_name(caller.organization_id, upstream.name) is not None:
        message = f"There is an upstream named '{upstream.name}' already; remove it first or choose another name."
        raise KeyhouseError(ErrorCode.CONFLICT, message, param="name")


def _require(tx: Transaction, caller: Caller, name: str) -> Upstream:
    upstream = tx.upstreams.by_name(caller.organization_id, name)
    if upstream is None:
        raise KeyhouseError(ErrorCode.NOT_FOUND, f"No upstream named '{shown(name)}' was found.")
    return upstream


def _facts(upstream: Upstream) -> dict[str, object]:
    return {
        "name": upstream.name,
        "base_url": upstream.base_url,
        "models": list(upstream.models),
        "project_id": upstream.project_id,
    }
