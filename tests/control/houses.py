"""A real house with a clock that stands still, for tests of control and of its faces."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from keyhouse.control import setup
from keyhouse.control.context import Caller, Control
from keyhouse.control.setup import FirstFacts
from keyhouse.domain import keyformat
from keyhouse.domain.audit import Actor, AuditEvent
from keyhouse.domain.authority import FULL_AUTHORITY
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import Key
from keyhouse.policy.peppers import Peppers
from keyhouse.store import secretfiles
from keyhouse.store.contract import AuditKeys, Change, Page, Seal, Store
from keyhouse.store.sqlite import open_sqlite
from keyhouse.store.vault import Vault

NOW = 1_800_000_000
DAY = 86_400


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class House:
    """An initialised house. `announced` are the seqs that control announced, each already committed when it was."""

    folder: Path
    store: Store
    clock: Clock
    control: Control
    announced: list[int]
    facts: FirstFacts
    caller: Caller
    upstream_models: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    organization: str | None = None

    @property
    def project_id(self) -> str:
        return self.facts.project_id

    def list_models(self, base_url: str, key: str | None, ca_file: str | None) -> Sequence[str]:
        """Upstreams that answer are those in `upstream_models`, by base URL."""
        self.asked.append((base_url, key, ca_file))
        if base_url not in self.upstream_models:
            raise KeyhouseError(ErrorCode.UPSTREAM_UNREACHABLE, f"No connection to {base_url}.")
        return self.upstream_models[base_url]

    def __post_init__(self) -> None:
        self.control = replace(self.control, list_models=self.list_models)

    def secret_files(self) -> dict[str, bytes]:
        return {f"secrets/{path.name}": path.read_bytes() for path in (self.folder / "secrets").iterdir()}

    def key(self, key_id: str) -> Key:
        with self.store.read() as tx:
            found = tx.keys.get(self.caller.organization_id, key_id)
        assert found is not None
        return found

    def accepts(self, value: str) -> bool:
        """Whether a gateway that reads the store accepts this secret now."""
        return accepts(self.store, self.control.peppers, value, self.clock.now)

    def events(self) -> list[AuditEvent]:
        """Every audit event, oldest first."""
        with self.store.read() as tx:
            return list(reversed(tx.audit.list(self.caller.organization_id, Page(limit=1000)).items))

    def changes(self) -> Sequence[Change]:
        with self.store.read() as tx:
            return tx.changes.since(0)

    def files_contain(self, text: str) -> bool:
        """Whether the text stands in any file of the house, write-ahead logs included, or in a copy of its databases."""
        with tempfile.TemporaryDirectory() as copy:
            self.store.backup(Path(copy))
            return any(_contains(folder, text) for folder in (self.folder, Path(copy)))

    def as_admin(self) -> Caller:
        """The owner, calling with an admin key."""
        with self.store.read() as tx:
            owner = tx.people.owners(self.caller.organization_id)[0][0]
        return Caller(self.caller.organization_id, Actor("api_key", owner.id, "key_admin"), FULL_AUTHORITY)


def accepts(store: Store, peppers: Peppers, value: str, now: int) -> bool:
    """Whether this secret verifies and its key, project and grace allow a call."""
    parsed = keyformat.parse(value)
    assert parsed is not None
    with store.read() as tx:
        ring = tx.keys.find_secret(parsed[1])
    if ring is None or not peppers.verify(value, ring.secret.pepper_id, ring.secret.digest):
        return False
    ended = ring.secret.valid_until is not None and ring.secret.valid_until <= now
    return ring.key.status(now).value == "active" and not ended and not ring.project_archived


def control_of(folder: Path, store: Store, clock: Clock, announced: list[int]) -> Control:
    """The house in this folder, as control sees it; its peppers and master keys are made if they are not there."""

    def announce(seq: int) -> None:
        with store.read() as tx:
            assert tx.changes.head() >= seq, "announced before it was committed"
        announced.append(seq)

    found = secretfiles.load_or_create(folder, store, clock())
    store.seal_audit(AuditKeys(found.audit_keys.current, found.audit_keys.by_id), _unanchored)
    peppers = Peppers(found.peppers.current, found.peppers.by_id)
    vault = Vault(found.master_keys.current, found.master_keys.by_id)
    return Control(store, clock, peppers, vault, announce, lambda *_: [])


def empty_house(folder: Path) -> Control:
    """A house on SQLite that is not initialised."""
    return control_of(folder, open_sqlite(folder), Clock(), [])


@dataclass(frozen=True)
class Template:
    """A house that was initialised once, to be copied: hashing the owner's password and migrating take their time."""

    folder: Path
    facts: FirstFacts


def new_template(folder: Path, store: Store) -> Template:
    """An empty store, initialised and closed; what is not in the store is in the folder."""
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = setup.initialise(control_of(folder, store, Clock(), []))
    store.close()
    return Template(folder, facts)


@cache
def _sqlite_template() -> Template:
    folder = Path(tempfile.mkdtemp(prefix="keyhouse-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return new_template(folder / "house", open_sqlite(folder / "house"))


def open_house(
    folder: Path, template: Template | None = None, open_store: Callable[[Path], Store] = open_sqlite
) -> House:
    """An initialised house in a new folder, on SQLite unless a template of another store is given."""
    template = template or _sqlite_template()
    shutil.copytree(template.folder, folder)
    announced: list[int] = []
    clock = Clock()
    control = control_of(folder, open_store(folder), clock, announced)
    caller = Caller.operator(template.facts.organization_id)
    return House(folder, control.store, clock, control, announced, template.facts, caller)


def _unanchored(_: Seal) -> None:
    pass


def _contains(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
