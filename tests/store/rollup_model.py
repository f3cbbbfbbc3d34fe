"""What rollups must say, told without a database: sums by minute, added up the plain way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import delete, update

from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Store, Width
from keyhouse.store.rollups import SqlRollups
from keyhouse.store.tables import rollup_mark, rollups
from tests.store.makers import ORG

Minute = tuple[RollupKey, RollupSums]
Told = list[list[Minute]]


def told(store: Store, organization_id: str = ORG) -> Told:
    """Everything that the store says of every width, in its order, in one transaction."""
    everything = RollupFilter(organization_id, 0, 1 << 36)
    with store.read() as tx:
        return [list(tx.rollups.sum(width, everything, RollupKey._fields[1:])) for width in Width]


def added_up(minutes: Iterable[Minute]) -> Told:
    """What it should say of these."""
    known = list(minutes)
    return [_in_buckets(known, width.value) for width in Width]


def _in_buckets(minutes: list[Minute], seconds: int) -> list[Minute]:
    found: dict[RollupKey, list[RollupSums]] = defaultdict(list)
    for key, sums in minutes:
        found[key._replace(bucket=key.bucket // seconds * seconds)].append(sums)
    return [(key, RollupSums(*map(sum, zip(*found[key], strict=True)))) for key in sorted(found)]


def folds(store: Store, until: int) -> int:
    """Folds all that is over by then, each step in a transaction of its own; returns how many steps that took."""
    steps = 0
    while fold_step(store, until):
        steps += 1
    return steps


def fold_step(store: Store, until: int) -> bool:
    with store.write() as tx:
        return tx.rollups.fold(until)


def empty(store: Store) -> None:
    """Takes every sum away and unfolds, for the next example in the same house; the ledger's mark stays."""
    with store.write() as tx:
        assert isinstance(tx.rollups, SqlRollups)
        tx.rollups._connection.execute(delete(rollups))
        tx.rollups._connection.execute(update(rollup_mark).values(hours_before=0, days_before=0))
