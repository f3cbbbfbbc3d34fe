"""The ledger: usage rows, appended and never changed, and the balances that are kept with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from keyhouse.domain.usage import UsageRow

BALANCES_KEPT_SECONDS = 400 * 86_400
MOST_NANOS = 2**63 - 1
"""What a balance may say at most: both databases keep 64 bits."""


class LedgerRow(NamedTuple):
    """A row with its place in the ledger: `seq` grows strictly in commit order."""

    seq: int
    row: UsageRow


class Balance(NamedTuple):
    """What the rows of a budget's scope and period cost together, in nano-dollars; a row without a cost adds nothing.

    `scope_id` is an organization's, a project's or a key's id. A row belongs to the period in which it was admitted (Unix
    seconds, midnights in UTC; `period_end` is exclusive). A balance that has reached `MOST_NANOS` stays there.
    """

    scope_id: str
    budget_id: str
    period_start: int
    period_end: int
    spent_nanos: int


class DaySum(NamedTuple):
    """What the rows of one key, admitted on one day, add up to. `day` is its midnight (UTC) in Unix seconds."""

    organization_id: str
    project_id: str
    key_id: str
    day: int
    requests: int
    cost_nanos: int


class Recount(NamedTuple):
    """The ledger at one moment. `last_seq` is that of the last row counted, 0 if there is none."""

    last_seq: int
    balances: Sequence[Balance]
    days: Sequence[DaySum]


class Ledger(Protocol):
    """The append-only table of usage rows. Used by one writer thread at a time, and by readers of other threads."""

    def append(self, rows: Sequence[UsageRow]) -> None:
        """Makes the rows durable before it returns: they survive a power cut. A request id that
        is already there is left as it is, however old. What the others cost is added to every open balance of their scopes
        and periods in the same transaction.

        Raises `LedgerUnavailable` if they could not be written; then none of them is there, or all of them are.
        Raises `RowRefused` if one of them is nothing that the ledger can keep; then none of them is there.
        """
        ...

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        """Committed rows after `seq`, in order."""
        ...

    def contains(self, request_ids: Sequence[str]) -> set[str]:
        """Those of the given ids that have a row."""
        ...

    def get(self, request_id: str) -> LedgerRow | None: ...

    def open_balance(self, balance: Balance, through_seq: int = 0) -> int:
        """Keeps this balance from now on, and returns what is spent of it.

        `balance.spent_nanos` is what the rows up to `through_seq` cost; what later ones cost is added here, so that nothing is
        missed and nothing is counted twice, whoever appends meanwhile. A balance that is open already stays as it is, and what
        it says is returned. Balances whose period ended `BALANCES_KEPT_SECONDS` before this one's began are deleted.

        Raises `LedgerUnavailable`.
        """
        ...

    def balances(self, budget_ids: Sequence[str] | None = None) -> Sequence[Balance]:
        """The open balances, of these budgets or of all, ordered by budget and period."""
        ...

    def recount(self, through_seq: int | None = None) -> Recount:
        """Adds up every row, or those up to `through_seq`, and reads the balances, all at one moment. Reads the whole table."""
        ...


class LedgerUnavailable(Exception):  # noqa: N818 - named for what it means to the caller
    """Usage rows cannot be written: the disk is full or failing, or the database is away."""


class RowRefused(Exception):  # noqa: N818 - as above
    """A usage row contradicts the ledger's columns: waiting will not cure it, and rows beside it can be written without it."""
