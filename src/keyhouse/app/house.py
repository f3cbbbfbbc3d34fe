"""Opening a house: settings, store, and what its secrets hang on, as control is given them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyhouse import settings as settings_
from keyhouse.app.anchoring import anchoring
from keyhouse.app.announce import announcer
from keyhouse.control.context import Caller, Control
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.peppers import Peppers
from keyhouse.settings import Settings
from keyhouse.store import files, secretfiles
from keyhouse.store.contract import AuditKeys, Sealer, Store
from keyhouse.store.opening import open_store
from keyhouse.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Opened:
    """A house whose store is open. For the operator at this machine; also what a gateway is built on."""

    settings: Settings
    store: Store
    peppers: Peppers
    sealer: Sealer
    control: Control

    @property
    def caller(self) -> Caller:
        """The operator, in the organization that runs the house. Raises `conflict` for a house without one."""
        organization_id = first_organization(self.store)
        if organization_id is None:
            raise not_initialised(self.settings.data)
        return Caller.operator(organization_id)

    @property
    def organization(self) -> str | None:
        """The organization that was named to work in, by name or id."""
        return self.settings.organization

    def secret_files(self) -> Mapping[str, bytes]:
        folder = self.settings.data / secretfiles.FOLDER
        return {f"{secretfiles.FOLDER}/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.json"))}


def read_settings(options: Mapping[str, object]) -> tuple[Settings, list[str]]:
    """Settings of this process, and warnings. Raises `SettingsError`."""
    return settings_.load(os.environ, **options)


@contextmanager
def opened(settings: Settings, *, create: bool = False) -> Iterator[Opened]:
    """Opens the house and closes it when the block ends. Raises `conflict` if there is none, unless it may be created."""
    if not create and not _is_home(settings):
        raise not_initialised(settings.data)
    store = open_store(settings.data, settings.database_url)
    try:
        # With a database elsewhere, this directory holds what no database does: secrets, intents, the local model.
        files.make_private(settings.data, (secretfiles.FOLDER,))
        secrets = secretfiles.load_or_create(settings.data, store, now_seconds())
        keys = AuditKeys(secrets.audit_keys.current, secrets.audit_keys.by_id)
        store.seal_audit(keys, anchoring(settings.audit_anchor_file))
        peppers = Peppers(secrets.peppers.current, secrets.peppers.by_id)
        sealer = Vault(secrets.master_keys.current, secrets.master_keys.by_id)
        announce = announcer(settings.data, shared_database=settings.database_url is not None)
        control = Control(store, now_seconds, peppers, sealer, announce, _list_models, settings.reached_at)
        yield Opened(settings, store, peppers, sealer, control)
    finally:
        store.close()


def _is_home(settings: Settings) -> bool:
    return (settings.data / ("keyhouse.db" if settings.database_url is None else secretfiles.FOLDER)).exists()


def _list_models(base_url: str, key: str | None, ca_file: str | None) -> Sequence[str]:
    # Imported when somebody asks: most commands never do.
    from keyhouse.app.listing import list_models

    return list_models(base_url, key, ca_file)


def first_organization(store: Store) -> str | None:
    with store.read() as tx:
        first = tx.organizations.first()
    return None if first is None else first.id


def not_initialised(data: Path) -> KeyhouseError:
    message = (
        f"There is no house in '{data.absolute()}'. Make one with keyhouse init or keyhouse up, "
        "or name its directory with --data or KEYHOUSE_DATA."
    )
    return KeyhouseError(ErrorCode.CONFLICT, message)


def now_seconds() -> int:
    return int(time.time())
