"""What the gate needs to know of a secret, in memory: bounded, filled on a miss, emptied by changes.

1. A hit is one dictionary look-up; the event loop never waits for the database on a hit.
2. A miss reads the store in a worker thread; concurrent misses of one secret share the read.
3. A read that began before a change is not trusted after it: it is done again.
4. The least recently used secret leaves when the ring is full.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from keyhouse.domain.budgets import Budget
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import RateLimit, limits_of
from keyhouse.domain.model_permissions import ModelRule, rule_of
from keyhouse.domain.networks import Networks
from keyhouse.store.contract import KeyRing as StoredSecret


@dataclass(slots=True)
class Credential:
    """One secret and its key, as a call needs them. `valid_until` (Unix seconds): the earlier end of key and secret."""

    public_id: str
    digest: bytes = field(repr=False)
    pepper_id: str
    key: Key
    key_id: str
    kind: KeyKind
    organization_id: str
    project_id: str
    mask: int
    models: tuple[str, ...] | None
    valid_until: int | None
    usable: bool
    """False for a key that is revoked, disabled or quarantined: `key.status` tells which."""
    project_archived: bool
    may_have_keys: bool
    """False for a person's key whose person has no role by which they may have keys in the project."""
    response_headers: tuple[tuple[bytes, bytes], ...]
    limits: tuple[RateLimit, ...] = ()
    """The key's own rate limits."""
    budgets: tuple[Budget, ...] = ()
    """The key's own budgets."""
    networks: Networks | None = None
    """Where it may be used from; None: anywhere."""
    project_models: ModelRule | None = None
    """The model permissions of its project; None: it has none."""
    denied_tools: frozenset[HostedTool] = frozenset()
    """The hosted tools that its project denies."""
    keeps_nothing: bool = False
    """Whether nothing of what its calls hold may be kept."""
    held: dict[str, Any] = field(default_factory=dict, repr=False)
    """By model: what `grants` found that a call of it is held to."""


class Keyring:
    """`read` is the store's look-up by public id; it blocks, so it runs in `executor`."""

    def __init__(self, read: Callable[[str], StoredSecret | None], size: int, executor: Executor) -> None:
        self._read = read
        self._size = size
        self._executor = executor
        self._held: OrderedDict[str, Credential] = OrderedDict()
        self._by_key: dict[str, set[str]] = {}
        self._loading: dict[str, asyncio.Future[Credential | None]] = {}
        self._changes = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, public_id: str) -> Credential | None:
        """The credential if it is held."""
        credential = self._held.get(public_id)
        if credential is not None:
            self._held.move_to_end(public_id)
        return credential

    async def load(self, public_id: str) -> Credential | None:
        """The credential from the store, held from now on; None if there is none."""
        shared = self._loading.get(public_id)
        if shared is None:
            shared = asyncio.ensure_future(self._load(public_id))
            self._loading[public_id] = shared
            shared.add_done_callback(lambda _: self._loading.pop(public_id, None))
        return await asyncio.shield(shared)

    def evict_key(self, key_id: str) -> None:
        """Forgets every secret of a key."""
        self._changes += 1
        for public_id in self._by_key.pop(key_id, ()):
            self._held.pop(public_id, None)

    def evict_project(self, project_id: str) -> None:
        """Forgets every secret of a project."""
        self._changes += 1
        for credential in [c for c in self._held.values() if c.project_id == project_id]:
            self._forget(credential)

    def evict_organization(self, organization_id: str) -> None:
        """Forgets every secret of an organization."""
        self._changes += 1
        for credential in [c for c in self._held.values() if c.organization_id == organization_id]:
            self._forget(credential)

    async def _load(self, public_id: str) -> Credential | None:
        loop = asyncio.get_running_loop()
        while True:
            began = self._changes
            found = await loop.run_in_executor(self._executor, self._find, public_id)
            if began == self._changes:
                break
        return None if found is None else self._hold(found)

    def _find(self, public_id: str) -> Credential | None:
        """In the worker thread: a long allowlist takes milliseconds to parse."""
        stored = self._read(public_id)
        return None if stored is None else credential_of(stored)

    def _hold(self, credential: Credential) -> Credential:
        self._held[credential.public_id] = credential
        self._by_key.setdefault(credential.key_id, set()).add(credential.public_id)
        if len(self._held) > self._size:
            self._forget(next(iter(self._held.values())))
        return credential

    def _forget(self, credential: Credential) -> None:
        self._held.pop(credential.public_id, None)
        siblings = self._by_key.get(credential.key_id)
        if siblings is not None:
            siblings.discard(credential.public_id)
            if not siblings:
                del self._by_key[credential.key_id]


def credential_of(stored: StoredSecret) -> Credential:
    key = stored.key
    project_id = key.project_id or ""
    return Credential(
        public_id=stored.secret.public_id,
        digest=stored.secret.digest,
        pepper_id=stored.secret.pepper_id,
        key=key,
        key_id=key.id,
        kind=key.kind,
        organization_id=key.organization_id,
        project_id=project_id,
        mask=key.permissions.mask,
        models=key.models,
        valid_until=_earlier(key, stored.secret),
        usable=key.revoked_at is None and key.disabled_at is None and key.quarantined_at is None,
        project_archived=stored.project_archived,
        may_have_keys=stored.may_have_keys,
        response_headers=(
            (b"openai-organization", key.organization_id.encode()),
            (b"openai-project", project_id.encode()),
        ),
        limits=() if key.rate_limits is None else limits_of(Level.KEY, key.id, "", key.rate_limits),
        budgets=stored.budgets,
        networks=None if key.ip_allowlist is None else Networks(key.ip_allowlist),
        project_models=None if stored.model_permissions is None else rule_of(stored.model_permissions),
        denied_tools=frozenset(stored.denied_tools),
        keeps_nothing=stored.retention.keeps_nothing,
    )


def _earlier(key: Key, secret: KeySecret) -> int | None:
    ends = [end for end in (key.expires_at, secret.valid_until) if end is not None]
    return min(ends, default=None)
