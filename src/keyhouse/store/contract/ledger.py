"""The ledger: usage rows, appended and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from keyhouse.domain.usage import UsageRow


class LedgerRow(NamedTuple):
    """A row with its place in the ledger: `seq` grows strictly in commit order."""

    seq: int
    row: UsageRow


class Ledger(Protocol):
    """The append-only table of usage rows. Used by one writer thread at a time, and by readers of other threads."""

    def append(self, rows: Sequence[UsageRow]) -> None:
        """Makes the rows durable before it returns: they survive a power cut. A request id that
        is already there is left as it is, however old.

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


class LedgerUnavailable(Exception):  # noqa: N818 - named for what it means to the caller
    """Usage rows cannot be written: the disk is full or failing, or the database is away."""


class RowRefused(Exception):  # noqa: N818 - as above
    """A usage row contradicts the ledger's columns: waiting will not cure it, and rows beside it can be written without it."""
