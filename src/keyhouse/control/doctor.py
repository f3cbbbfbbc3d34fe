"""What is wrong with an installation: every check, with what it found. Nothing is corrected.

A gateway may run meanwhile. Figures that must agree are read at one moment: balances and rows in one snapshot of the ledger,
roll-ups against the rows up to their mark, which are final.
"""

from __future__ import annotations

import shutil
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from keyhouse.domain.budgets import FOREVER
from keyhouse.domain.errors import KeyhouseError
from keyhouse.store.contract import MOST_NANOS, Balance, DaySum, RollupFilter, SchemaError, Store, Width

LEAST_FREE_BYTES = 200 * 1024 * 1024
_SHOWN = 20
_Days = Mapping[str, Sequence[tuple[int, int]]]


class Check(NamedTuple):
    """What was looked at, and the sentences that say what is wrong with it: none where all is well."""

    name: str
    problems: tuple[str, ...] = ()


class Installation(Protocol):
    """What the doctor is given: a house that may be broken."""

    @property
    def data(self) -> Path: ...
    @property
    def current_schema(self) -> str: ...
    @property
    def secret_files(self) -> Sequence[Path]: ...
    def schemas(self) -> Mapping[str, str | None]:
        """The schema of each database, by where it is; None: it is absent or empty. Upgrades nothing.

        Raises `SchemaError` for one that cannot be read, and `store_unavailable`."""
        ...

    def calls_left_over(self) -> int:
        """Calls that a crash cut and that are not charged yet; 0 while a gateway runs, whose calls they are."""
        ...

    def opened(self) -> AbstractContextManager[Store]:
        """Raises `KeyhouseError` if it cannot be opened, say for a pepper that is not the database's."""
        ...


def examine(installation: Installation, *, least_free_bytes: int = LEAST_FREE_BYTES) -> Iterator[Check]:
    """Every check in turn. What needs the databases is left out where they cannot be opened."""
    yield Check("disk space", tuple(_space(installation.data, least_free_bytes)))
    yield Check("secrets", tuple(_secrets(installation)))
    yield Check("calls left over", tuple(_left_over(installation)))
    schemas = Check("schemas", tuple(_schemas(installation)))
    yield schemas
    if schemas.problems:
        return
    try:
        with installation.opened() as store:
            yield Check("databases")
            yield Check("balances", tuple(_some(balance_problems(store))))
            yield Check("roll-ups", tuple(_some(rollup_problems(store))))
            yield Check("audit", tuple(_some(audit_problems(store))))
    except (KeyhouseError, SchemaError) as error:
        yield Check("databases", (str(error),))


def balance_problems(store: Store) -> Iterator[str]:
    """Every balance that is not what the rows of its scope and period cost."""
    counted = store.ledger.recount()
    days = _by_scope(counted.days)
    for balance in counted.balances:
        cost = _cost(balance, days)
        if balance.spent_nanos != cost:
            yield (
                f"The balance of budget {balance.budget_id} ({balance.scope_id}, {_period(balance)}) is "
                f"{balance.spent_nanos} nano-dollars; its rows up to number {counted.last_seq} cost {cost}."
            )


def rollup_problems(store: Store) -> Iterator[str]:
    """Every organization whose roll-ups are not the sum of its rows."""
    with store.read() as tx:
        mark = tx.rollups.mark()
        everything = {
            o.id: tx.rollups.sum(Width.DAY, RollupFilter(o.id, 0, FOREVER), ()) for o in tx.organizations.all()
        }
    counted = store.ledger.recount(mark)
    if counted.last_seq != mark:
        yield (
            f"The roll-ups hold rows up to number {mark}, and the ledger ends at {counted.last_seq}: "
            "one of the two was replaced by another copy."
        )
    rows: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for day in counted.days:
        requests, cost = rows[day.organization_id]
        rows[day.organization_id] = requests + day.requests, cost + day.cost_nanos
    for organization_id in sorted(everything.keys() | rows.keys()):
        sums = [s for _, s in everything.get(organization_id, ())]
        rolled = (
            sum(s.requests for s in sums),
            sum(s.cost_input_nanos + s.cost_cached_nanos + s.cost_output_nanos for s in sums),
        )
        if rolled != rows[organization_id]:
            yield (
                f"The roll-ups of {organization_id} hold {rolled[0]} calls that cost {rolled[1]} nano-dollars; "
                f"its rows are {rows[organization_id][0]} and cost {rows[organization_id][1]}."
            )


def audit_problems(store: Store) -> Iterator[str]:
    """Every event of the audit log, and every seal, that does not fit."""
    with store.read() as tx:
        yield from tx.audit.problems()


def _space(data: Path, least: int) -> Iterator[str]:
    free = shutil.disk_usage(data).free
    if free < least:
        yield f"The disk of '{data}' has {free // 2**20} MiB left; below {least // 2**20} MiB calls may soon be refused."


def _secrets(installation: Installation) -> Iterator[str]:
    for path in (installation.data, *installation.secret_files):
        if not path.exists():
            yield f"'{path}' is missing. Put back the copy from your backup."
        elif (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            rights = "700" if path.is_dir() else "600"
            yield f"'{path}' is open to others (mode {mode:04o}). Look who did, then run: chmod {rights} {path}"


def _left_over(installation: Installation) -> Iterator[str]:
    count = installation.calls_left_over()
    if count:
        yield f"Calls that a crash cut and that are not charged yet: {count}. The next start of the gateway charges them."


def _schemas(installation: Installation) -> Iterator[str]:
    try:
        found = installation.schemas()
    except (KeyhouseError, SchemaError) as error:
        yield str(error)
        return
    for where, version in found.items():
        if version is None:
            yield f"{where} is missing or empty. Put back the copy from your backup."
        elif version != installation.current_schema:
            yield (
                f"{where} has schema {version}, and this Keyhouse has {installation.current_schema}: "
                "start the gateway of this version, or install the version that wrote it."
            )


def _by_scope(days: Sequence[DaySum]) -> _Days:
    """Scope → (day, cost) of each key's days."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for day in days:
        for scope_id in {day.organization_id, day.project_id, day.key_id}:
            found[scope_id].append((day.day, day.cost_nanos))
    return found


def _cost(balance: Balance, days: _Days) -> int:
    cost = sum(cost for day, cost in days.get(balance.scope_id, ()) if balance.period_start <= day < balance.period_end)
    return min(cost, MOST_NANOS)


def _period(balance: Balance) -> str:
    start = datetime.fromtimestamp(balance.period_start, UTC).date()
    return "in total" if balance.period_end == FOREVER else f"from {start}"


def _some(problems: Iterator[str]) -> Iterator[str]:
    more = 0
    for number, problem in enumerate(problems):
        if number < _SHOWN:
            yield problem
        else:
            more += 1
    if more:
        yield f"And {more} more."
