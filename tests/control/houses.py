"""A real house on SQLite with a clock that stands still, for tests of control and of its faces."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyhouse.control import setup
from keyhouse.control.context import Caller, Control
from keyhouse.control.setup import FirstFacts
from keyhouse.domain import keyformat
from keyhouse.domain.audit import OPERATOR, Actor, AuditEvent
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import Key
from keyhouse.policy.peppers import Peppers
from keyhouse.store.contract import Change, Page
from keyhouse.store.sqlite import SqliteStore, open_sqlite

NOW = 1_800_000_000
DAY = 86_400


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


class AesSealer:
    """AES-GCM under a key of its own, with the context as associated data."""

    def __init__(self) -> None:
        self._cipher = AESGCM(os.urandom(32))

    def seal(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        return self._cipher.decrypt(sealed[:12], sealed[12:], context.encode())


@dataclass
class House:
    """An initialised house. `announced` are the seqs that control announced, each already committed when it was."""

    folder: Path
    store: SqliteStore
    clock: Clock
    control: Control
    announced: list[int]
    facts: FirstFacts
    caller: Caller
    upstream_models: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    @property
    def project_id(self) -> str:
        return self.facts.project_id

    def list_models(self, base_url: str, key: str | None, ca_file: str | None) -> Sequence[str]:
        """Upstreams that answer are those in `upstream_models`, by base URL."""
        self.asked.append((base_url, key, ca_file))
        if base_url not in self.upstream_models:
            raise KeyhouseError(ErrorCode.UPSTREAM_UNREACHABLE, f"No connection to {base_url}.")
        return self.upstream_models[base_url]

    def secret_files(self) -> dict[str, bytes]:
        return {"secrets/peppers.json": b"pepper-" * 20, "secrets/master.json": b"master-" * 20}

    def key(self, key_id: str) -> Key:
        with self.store.read() as tx:
            found = tx.keys.get(self.caller.organization_id, key_id)
        assert found is not None
        return found

    def accepts(self, value: str) -> bool:
        """Whether a gateway that reads the store accepts this secret now."""
        parsed = keyformat.parse(value)
        assert parsed is not None
        with self.store.read() as tx:
            ring = tx.keys.find_secret(parsed[1])
        if ring is None or not self.control.peppers.verify(value, ring.secret.pepper_id, ring.secret.digest):
            return False
        ended = ring.secret.valid_until is not None and ring.secret.valid_until <= self.clock.now
        return ring.key.status(self.clock.now).value == "active" and not ended and not ring.project_archived

    def events(self) -> list[AuditEvent]:
        """Every audit event, oldest first."""
        with self.store.read() as tx:
            return list(reversed(tx.audit.list(self.caller.organization_id, Page(limit=1000)).items))

    def changes(self) -> Sequence[Change]:
        with self.store.read() as tx:
            return tx.changes.since(0)

    def files_contain(self, text: str) -> bool:
        """Whether the text stands in any file of the house, write-ahead logs included."""
        return any(text.encode() in path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def as_admin(self) -> Caller:
        """The owner, calling with an admin key."""
        with self.store.read() as tx:
            owner = tx.people.owners(self.caller.organization_id)[0][0]
        return Caller(self.caller.organization_id, Actor("api_key", owner.id, "key_admin"))


@dataclass(frozen=True)
class Outside:
    """What a house has that is not in its folder."""

    peppers: Peppers
    sealer: AesSealer
    facts: FirstFacts


def empty_control(
    folder: Path, announced: list[int], outside: Outside | None = None
) -> tuple[SqliteStore, Clock, Control]:
    """The house in this folder, as control sees it; not initialised if the folder is new."""
    store = open_sqlite(folder)
    clock = Clock()

    def announce(seq: int) -> None:
        with store.read() as tx:
            assert tx.changes.head() >= seq, "announced before it was committed"
        announced.append(seq)

    peppers = Peppers("p1", {"p1": os.urandom(32)}) if outside is None else outside.peppers
    sealer = AesSealer() if outside is None else outside.sealer
    return store, clock, Control(store, clock, peppers, sealer, announce)


@cache
def _template() -> tuple[Path, Outside]:
    """A house that was initialised once for the whole run: hashing the owner's password and migrating take their time."""
    folder = Path(tempfile.mkdtemp(prefix="keyhouse-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store, _, control = empty_control(folder / "house", [])
    facts = setup.initialise(control)
    store.close()
    assert isinstance(control.sealer, AesSealer)
    return folder / "house", Outside(control.peppers, control.sealer, facts)


def open_house(folder: Path) -> House:
    """An initialised house in a new folder."""
    template, outside = _template()
    shutil.copytree(template, folder)
    announced: list[int] = []
    store, clock, control = empty_control(folder, announced, outside)
    caller = Caller(outside.facts.organization_id, OPERATOR)
    return House(folder, store, clock, control, announced, outside.facts, caller)
