"""A house whose spending is watched, with a clock that stands still."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from keyhouse.domain.budgets import Interval
from keyhouse.domain.levels import Level
from keyhouse.domain.notices import Notice
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.ledger.rollup import catch_up
from keyhouse.store.contract import Page, Store
from keyhouse.store.opening import open_store
from keyhouse.store.vault import Vault
from tests.fixtures.fresh import fresh_store
from tests.store.makers import ORG, PROJECT, furnish, make_row

NOW = 1_800_000_000
"""15 January 2027, in the morning."""
DOLLAR = 1_000_000_000


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Watched:
    """`another` opens the same house again, as another gateway or a restart does."""

    store: Store
    another: Callable[[], Store]
    clock: Clock = field(default_factory=Clock)
    vault: Vault = field(default_factory=lambda: Vault("mk_1", {"mk_1": b"k" * 32}))
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def spend(self, nanos: int, at: int | None = None, **changes: Any) -> None:
        """A call that cost this, admitted now or at `at`, rolled up."""
        moment = (self.clock.now if at is None else at) * 1_000_000
        costs = {"cost_nanos": nanos, "cost_input_nanos": nanos, "cost_cached_nanos": 0, "cost_output_nanos": 0}
        row = make_row(f"req_{next(self._numbers)}", admitted_at_us=moment, **{**costs, **changes})
        self.store.ledger.append([row])
        catch_up(self.store)

    def alert(self, number: int = 1, dollars: int = 5, **changes: Any) -> SpendAlert:
        """An alert of the project, by month."""
        alert = SpendAlert(
            f"alert_{number}",
            ORG,
            Level.PROJECT,
            PROJECT,
            dollars * DOLLAR,
            Interval.MONTH,
            ("alice@example.com",),
            1000,
        )
        alert = replace(alert, **changes)
        with self.store.write() as tx:
            tx.spend_alerts.add(alert)
        return alert

    def add(self, *notices: Notice) -> None:
        with self.store.write() as tx:
            for notice in notices:
                tx.notices.add(notice)

    def notices(self) -> list[Notice]:
        """Oldest first."""
        with self.store.read() as tx:
            return list(tx.notices.list(ORG, None, Page(limit=1000)).items)[::-1]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    yield from watched_at(tmp_path / "house", None)


def watched_at(folder: Path, url: str | None) -> Iterator[Watched]:
    opened: list[Store] = []

    def another() -> Store:
        open_it = open_store if opened else fresh_store
        opened.append(open_it(folder, url))
        return opened[-1]

    furnish(another())
    yield Watched(opened[0], another)
    for store in opened:
        store.close()
