"""Secrets with their keys as the store would answer them, to knock at the gate with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from keyhouse.domain.keyformat import SecretKind, mint
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.policy.keyring import Keyring
from keyhouse.policy.peppers import Peppers
from keyhouse.store.contract import KeyRing as StoredSecret
from tests.store.makers import make_key

NOW = 1_800_000_000
PEPPER = os.urandom(32)


def made(peppers: Peppers, key_id: str = "key_1", **facts: Any) -> tuple[str, StoredSecret]:
    """A secret's value, and what the store knows of it. `facts` are the key's; `valid_until` and `archived` the rest."""
    kind = SecretKind.ADMIN if facts.get("kind") is KeyKind.ADMIN else SecretKind.PROJECT
    secret, valid_until, archived = mint(kind), facts.pop("valid_until", None), facts.pop("archived", False)
    pepper_id, digest = peppers.digest(secret.value)
    kept = KeySecret(secret.public_id, key_id, digest, pepper_id, secret.redacted, NOW - 1000, valid_until)
    key: Key = replace(make_key(1), id=key_id, name="Alice's laptop", secrets=(kept,), **facts)
    return secret.value, StoredSecret(key, kept, archived)


class Shelf:
    """A store of secrets whose reads are counted, and can be held back or go wrong."""

    def __init__(self, *stored: StoredSecret) -> None:
        self.secrets = {one.secret.public_id: one for one in stored}
        self.reads: list[str] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.failure: Exception | None = None

    def read(self, public_id: str) -> StoredSecret | None:
        self.reads.append(public_id)
        found = self.secrets.get(public_id)
        self.before_answer()
        if self.failure is not None:
            raise self.failure
        return found


@contextmanager
def ring_of(shelf: Shelf, size: int = 100) -> Iterator[Keyring]:
    with ThreadPoolExecutor(4) as threads:
        yield Keyring(shelf.read, size, threads)


async def ticks(count: int = 3) -> None:
    """Lets the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)
