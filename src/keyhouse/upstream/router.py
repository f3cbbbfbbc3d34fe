"""Who answers a model: an immutable table of targets, built from the stored upstreams and the built-in models.

1. A project's dedicated upstream is seen by that project only, a further organization's own by that organization only.
2. A model named exactly goes before one matched by a glob; of several, the project's upstream goes before its organization's,
   that before the house's, and then the one that was added first.
3. An upstream without `models` serves the models that it listed itself.
4. A built-in model answers to its exact name where no upstream does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from keyhouse.domain.errors import KeyhouseError, invalid
from keyhouse.domain.upstreams import Upstream, only_for
from keyhouse.upstream.contract import Header, Origin

_REMEMBERED = 10_000


class Endpoint(NamedTuple):
    """Where to send, with the headers that open the door. They never enter a log."""

    origin: Origin
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One upstream. `endpoint` may wait (a built-in model that still loads) and raises `KeyhouseError` if it cannot be had."""

    name: str
    upstream_id: str | None
    organization_id: str | None
    project_id: str | None
    models: tuple[str, ...]
    listed: tuple[ListedModel, ...]
    endpoint: Callable[[], Awaitable[Endpoint]] = field(repr=False)
    paths: frozenset[str] | None = None
    """The operations it answers, by upstream path; None: all."""

    def serves(self, organization_id: str, project_id: str) -> bool:
        ours = self.organization_id is None or self.organization_id == organization_id
        return ours and (self.project_id is None or self.project_id == project_id)


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as `GET /v1/models` shows it. `created` is Unix seconds."""

    id: str
    created: int
    owned_by: str


class Router:
    """Routes by exact names, then globs, in the order of `targets`."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = tuple(targets)
        self._routes: dict[tuple[str, str, str], Target | None] = {}

    def route(self, model: str, organization_id: str, project_id: str) -> Target | None:
        """The target that answers this model for this project; None if nobody does."""
        key = (model, organization_id, project_id)
        if key in self._routes:
            return self._routes[key]
        if len(self._routes) >= _REMEMBERED:  # callers choose the names: what is remembered of them is bounded
            self._routes.clear()
        found = self._routes[key] = self._find(model, organization_id, project_id)
        return found

    def models(self, organization_id: str, project_id: str) -> list[ListedModel]:
        """Every model that is known by name and routed somewhere for this project, ordered by id."""
        found: dict[str, ListedModel] = {}
        for target in self._targets:
            for listed in target.listed if target.serves(organization_id, project_id) else ():
                if self.route(listed.id, organization_id, project_id) is target:
                    found.setdefault(listed.id, listed)
        return sorted(found.values(), key=lambda listed: listed.id)

    def _find(self, model: str, organization_id: str, project_id: str) -> Target | None:
        candidates = [target for target in self._targets if target.serves(organization_id, project_id)]
        dedicated_first = sorted(candidates, key=lambda t: (t.project_id is None, t.organization_id is None))
        for matches in (lambda pattern: pattern == model, lambda pattern: fnmatchcase(model, pattern)):
            for target in dedicated_first:
                if any(map(matches, target.models)):
                    return target
        return None


def target_of(upstream: Upstream, key: str | None, house_id: str | None, public_only: bool = False) -> Target:
    """The target of a stored upstream; `key` is its opened secret, `house_id` the organization that runs the house."""
    headers = ((b"authorization", b"Bearer " + key.encode("latin-1")),) if key else ()
    endpoint = Endpoint(parse_base_url(upstream.base_url, ca_file=upstream.ca_file, public_only=public_only), headers)

    async def constant() -> Endpoint:
        return endpoint

    names = dict.fromkeys((*(m for m in upstream.models if not _is_glob(m)), *upstream.listed_models))
    listed = tuple(ListedModel(name, upstream.created_at, upstream.name) for name in names)
    models = upstream.models or upstream.listed_models
    return Target(
        name=upstream.name,
        upstream_id=upstream.id,
        organization_id=only_for(upstream, house_id),
        project_id=upstream.project_id,
        models=models,
        listed=listed,
        endpoint=constant,
    )


def parse_base_url(text: str, *, ca_file: str | None = None, public_only: bool = False) -> Origin:
    """An upstream's base URL, `https://host[:port][/path]`. Raises `invalid_value` with param `base_url`."""
    try:
        parts = urlsplit(text)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _bad_url("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _bad_url("must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise _bad_url("must hold no user, query or fragment; give the key with --key-stdin or --key-env")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise _bad_url("holds a character that no URL may hold")
    return Origin(parts.scheme, parts.hostname, port, parts.path.rstrip("/"), ca_file, public_only)


def _bad_url(why: str) -> KeyhouseError:
    return invalid("base_url", f"The base URL {why}.")


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def in_order(
    upstreams: Iterable[Upstream], keys: Mapping[str, str | None], last: Sequence[Target], house_id: str | None
) -> Router:
    """The router over stored upstreams, oldest first, with `last` (the built-in models) behind them."""
    ordered = sorted(upstreams, key=lambda upstream: (upstream.created_at, upstream.id))
    return Router([*(target_of(upstream, keys[upstream.id], house_id) for upstream in ordered), *last])
