"""Reservations in this process's memory: the embedded form of `reservations.Reservations`. For one thread, the loop's.

1. Between the look at an account and the taking from it nothing is awaited, so a budget is never promised twice. Only an account
   that memory does not hold is awaited: the ledger is asked for it once, however many calls wait.
2. A settled call is spent in every account of its scopes whose period holds its admission, whether it reserved there or not: an
   account may have been opened, by a budget that is younger than the call, while it ran. So each account says what the ledger's
   rows say.
3. For the same reason the order matters in which a call ends: `journal.append(row)`, then `settle`, and nothing awaited between
   the two (`settle` itself never waits). The journal keeps its order, so whatever is appended before an account is asked for is
   in the ledger's answer, and whatever is settled after that is not: it is added to the answer when that comes.
4. What nobody holds anything in can be forgotten: the ledger has the truth, and is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from keyhouse.domain.budgets import AtEnd, Budget
from keyhouse.policy.money_accounts import Accounts, OpenAccount
from keyhouse.policy.reservations import Balances, Reservation, Scopes, Spent

MOST_ACCOUNTS: Final = 50_000
_REFUSE, _THROTTLE = AtEnd.REFUSE, AtEnd.THROTTLE


class Hold:
    """A `Reservation` in memory. `accounts` are those that it holds `amount_nanos` in, each."""

    __slots__ = ("accounts", "amount_nanos", "at", "ended", "scopes", "throttled")

    def __init__(
        self,
        scopes: Scopes,
        accounts: Sequence[OpenAccount],
        amount_nanos: int,
        at: int,
        throttled: Sequence[Budget] = (),
    ) -> None:
        self.scopes = scopes
        self.accounts = accounts
        self.amount_nanos = amount_nanos
        self.at = at
        self.throttled = throttled
        self.ended = False


class MemoryReservations:
    """`most_accounts`: budgets × periods that are kept in memory beyond those in use, before idle ones are forgotten."""

    def __init__(self, balances: Balances, most_accounts: int = MOST_ACCOUNTS) -> None:
        self._accounts = Accounts(balances, most_accounts)
        self._outstanding = 0

    async def reserve(self, scopes: Scopes, budgets: Sequence[Budget], amount_nanos: int, at: int) -> Hold:
        """As the contract says. A budget whose money is spent refuses every call, those that cost nothing too."""
        if amount_nanos < 0:
            raise ValueError(f"a reservation of {amount_nanos} nano-dollars")
        if not budgets:
            self._outstanding += 1
            return Hold(scopes, (), amount_nanos, at)
        accounts = self._accounts.found(budgets, at)
        if accounts is not None:
            return self._take(scopes, budgets, accounts, amount_nanos, at)
        accounts = await self._accounts.opened(budgets, at)
        try:
            return self._take(scopes, budgets, accounts, amount_nanos, at)
        finally:
            self._accounts.release(accounts)

    async def extend(self, reservation: Reservation, more_nanos: int) -> bool:
        """As the contract says, by the amounts that held at the call's admission or have been set since."""
        if more_nanos < 0:
            raise ValueError(f"an extension by {more_nanos} nano-dollars")
        hold = _hold(reservation)
        if hold.ended:
            return False
        for account in hold.accounts:
            if account.budget.at_end is _REFUSE and not account.removed and more_nanos > account.room(hold.at):
                return False
        for account in hold.accounts:
            account.reserved += more_nanos
        hold.amount_nanos += more_nanos
        return True

    async def settle(self, reservation: Reservation, cost_nanos: int) -> None:
        """As the contract says; see the third rule above for when."""
        hold = _hold(reservation)
        if hold.ended:
            return
        hold.ended = True
        self._outstanding -= 1
        for account in hold.accounts:
            account.reserved -= hold.amount_nanos
        if cost_nanos:
            self._accounts.spend(hold.scopes, hold.at, cost_nanos)
        self._accounts.release(hold.accounts)

    def standing(self, budget: Budget, at: int) -> tuple[int, int] | None:
        found = self._accounts.find((budget,), at)
        return None if found is None else (found[0].spent, found[0].reserved)

    def forget(self, budget_id: str) -> None:
        """The budget was removed: it refuses nothing any more, and its accounts go when nothing is held in them."""
        self._accounts.forget(budget_id)

    @property
    def outstanding(self) -> int:
        return self._outstanding

    @property
    def accounts(self) -> int:
        """How many are in memory."""
        return len(self._accounts)

    def _take(
        self, scopes: Scopes, budgets: Sequence[Budget], accounts: Sequence[OpenAccount], amount_nanos: int, at: int
    ) -> Hold:
        refusal: Spent | None = None
        throttled: list[Budget] = []
        for budget, account in zip(budgets, accounts, strict=True):
            account.budget = budget  # what was set last is in force
            amount = budget.amount_nanos if budget.increase_until is None else budget.amount_at(at)
            spent = account.spent
            if budget.at_end is _REFUSE:
                room = amount - spent - account.reserved
                if (amount_nanos > room or spent >= amount) and (refusal is None or room < refusal.left_nanos):
                    refusal = Spent(budget, account.period, amount_nanos, room)
            elif budget.at_end is _THROTTLE and spent >= amount:
                throttled.append(budget)
        if refusal is not None:
            raise refusal
        for account in accounts:
            account.reserved += amount_nanos
            account.pins += 1
        self._outstanding += 1
        return Hold(scopes, accounts, amount_nanos, at, throttled)


def _hold(reservation: Reservation) -> Hold:
    if not isinstance(reservation, Hold):
        raise TypeError("a reservation of another kind")
    return reservation
