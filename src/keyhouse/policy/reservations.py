"""Money that is promised to calls under way, as the gate sees it: one contract, which the embedded and every shared form keep.

    reserve ──▶ (extend ──▶)* settle

`tests/policy/test_reservations.py` holds each implementation to it. The promises: spent + reserved never passes the amount of a
budget that refuses, but by what an upstream used beyond the bound of its call; a call is refused only where its bound does not
fit; every reservation ends with its owner, and `settle` moves the money from "reserved" to "spent" in one step.

A budget's balance is what the ledger's rows of its scope and period cost; who keeps it durable is `Balances`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

from keyhouse.domain.budgets import Budget, Period


class Account(NamedTuple):
    """A budget in one of its periods."""

    budget_id: str
    period: Period


class Balances(Protocol):
    """The ledger's side: `keyhouse.ledger.balances`."""

    def open(self, budget: Budget, period: Period) -> Awaitable[int]:
        """Nano-dollars spent so far: what every row costs that was appended before this call, and none that is appended after it.
        From now on the balance is kept with every row. Raises `LedgerUnavailable`."""
        ...


class Scopes(NamedTuple):
    """Where a call belongs."""

    organization_id: str
    project_id: str
    key_id: str


class Spent(Exception):  # noqa: N818 - named for what happened
    """A budget has no room for a call. `left_nanos`: what is neither spent nor reserved; `asked_nanos`: the call's bound."""

    def __init__(self, budget: Budget, period: Period, asked_nanos: int, left_nanos: int) -> None:
        super().__init__(f"budget {budget.id} has no room")
        self.budget = budget
        self.period = period
        self.asked_nanos = asked_nanos
        self.left_nanos = left_nanos


class Reservation(Protocol):
    """What one call or job holds, at every level at once."""

    @property
    def amount_nanos(self) -> int: ...
    @property
    def throttled(self) -> Sequence[Budget]:
        """Budgets that are spent and let calls pass at a slower rate: the gate takes that rate from the rate counters."""
        ...


class Reservations(Protocol):
    async def reserve(self, scopes: Scopes, budgets: Sequence[Budget], amount_nanos: int, at: int) -> Reservation:
        """Reserves on every budget, or on none, for a call admitted at `at` (Unix seconds, UTC periods). Raises `Spent` for the
        budget with the least room, and what `Balances.open` raises. Only budgets that refuse can refuse."""
        ...

    async def extend(self, reservation: Reservation, more_nanos: int) -> bool:
        """Another slice on every level, or on none: False where it does not fit."""
        ...

    async def settle(self, reservation: Reservation, cost_nanos: int) -> None:
        """The call is over and its row is in the ledger's hands: the reservation ends, its cost is spent. Idempotent."""
        ...

    def standing(self, budget: Budget, at: int) -> tuple[int, int] | None:
        """(spent, reserved) in the period of `at`, in nano-dollars; None where nothing is known without asking the store."""
        ...

    @property
    def outstanding(self) -> int:
        """Reservations that have not ended."""
        ...
