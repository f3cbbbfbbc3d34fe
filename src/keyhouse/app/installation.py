"""A house as the doctor finds it: looked at from outside, opened only where nothing has to be changed for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from keyhouse.app.announce import socket_path
from keyhouse.app.house import not_initialised, opened
from keyhouse.ledger.intents import INTENTS_FILE, count_left_over
from keyhouse.settings import Settings
from keyhouse.store import secretfiles
from keyhouse.store.contract import Store
from keyhouse.store.opening import schema_versions
from keyhouse.store.schema import HEAD

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Installation:
    settings: Settings
    current_schema: str = HEAD

    @property
    def data(self) -> Path:
        return self.settings.data

    @property
    def secret_files(self) -> Sequence[Path]:
        return secretfiles.paths(self.settings.data)

    def schemas(self) -> Mapping[str, str | None]:
        return schema_versions(self.settings.data, self.settings.database_url)

    def calls_left_over(self) -> int:
        return 0 if self._gateway_runs() else count_left_over(self.settings.data / INTENTS_FILE)

    @contextmanager
    def opened(self) -> Iterator[Store]:
        with opened(self.settings) as house:
            yield house.store

    def _gateway_runs(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            return connection.connect_ex(str(socket_path(self.settings.data))) == 0


def find(settings: Settings) -> Installation:
    """Raises `conflict` where there is no house."""
    traces = ("keyhouse.db", "ledger.db", secretfiles.FOLDER)
    if not any((settings.data / name).exists() for name in traces):
        raise not_initialised(settings.data)
    return Installation(settings)
