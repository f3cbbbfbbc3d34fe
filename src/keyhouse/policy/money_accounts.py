"""The accounts that `money` keeps in memory: what is spent and reserved of each budget in each period, opened from the ledger
when they are first needed, and forgotten when nobody needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from keyhouse.domain.budgets import Budget, Interval, Period
from keyhouse.policy.reservations import Account, Balances, Scopes

_LOOKS_PER_OPENING = 8
_JUMP = 7_200
"""A period is over for good when it has been for so many seconds: until then a clock that is set back may return to it."""


class OpenAccount:
    """Nano-dollars. `pins`: reservations and waiting calls, while there are any of which it stays in memory."""

    __slots__ = (
        "asked",
        "budget",
        "end",
        "interval",
        "opening",
        "outdated",
        "period",
        "pins",
        "removed",
        "reserved",
        "spent",
        "start",
        "used",
    )

    def __init__(self, budget: Budget, period: Period) -> None:
        self.budget = budget
        self.interval: Interval = budget.interval
        self.period = period
        self.start, self.end = period
        self.spent = 0
        self.reserved = 0
        self.pins = 0
        self.asked = False
        """The ledger has been asked: what is settled from then on is not in its answer."""
        self.opening: asyncio.Task[None] | None = None
        self.used = True
        """Since it was looked at last, when room was needed."""
        self.outdated = False
        """Its period is over: it goes when nothing is held in it."""
        self.removed = False
        """Its budget is: it goes likewise, and refuses nothing until then."""

    @property
    def is_busy(self) -> bool:
        return self.pins > 0 or self.opening is not None

    def room(self, at: int) -> int:
        """What is neither spent nor reserved, by the amount in force at `at`; negative where there is more of both."""
        return self.budget.amount_at(at) - self.spent - self.reserved


class _Together(NamedTuple):
    """Open accounts of some budgets, good from `start` to before `end` (Unix seconds), while none is dropped."""

    budgets: Sequence[Budget]
    accounts: Sequence[OpenAccount]
    start: int
    end: int


class Accounts:
    def __init__(self, balances: Balances, most: int) -> None:
        self._balances = balances
        self._most = most
        self._all: dict[Account, OpenAccount] = {}
        """In the order in which they are looked at when room is needed."""
        self._latest: dict[str, OpenAccount] = {}
        """By budget: the account that was used last. Nearly every call needs that one."""
        self._together: dict[int, _Together] = {}
        """By the identity of their budgets: the accounts that calls of one key and model need again and again."""
        self._by_budget: dict[str, list[OpenAccount]] = {}
        self._by_scope: dict[str, list[OpenAccount]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def found(self, budgets: Sequence[Budget], at: int) -> Sequence[OpenAccount] | None:
        """The accounts of the budgets in the periods of `at` (Unix seconds); None unless all are open."""
        together = self._together.get(id(budgets))
        if together is not None and together.budgets is budgets and together.start <= at < together.end:
            for account in together.accounts:
                account.used = True
            return together.accounts
        accounts = self.find(budgets, at)
        if accounts:
            if len(self._together) >= self._most:
                self._together.clear()
            start, end = max(account.start for account in accounts), min(account.end for account in accounts)
            self._together[id(budgets)] = _Together(budgets, accounts, start, end)
        return accounts

    def find(self, budgets: Sequence[Budget], at: int) -> Sequence[OpenAccount] | None:
        """The same, not remembered for the next call."""
        accounts = []
        for budget in budgets:
            account = self._latest.get(budget.id)
            if account is None or account.interval is not budget.interval or not account.start <= at < account.end:
                account = self._all.get(Account(budget.id, budget.period(at)))
                if account is None:
                    return None
                self._latest[budget.id] = account
            if account.opening is not None:
                return None
            account.used = True
            accounts.append(account)
        return accounts

    async def opened(self, budgets: Sequence[Budget], at: int) -> Sequence[OpenAccount]:
        """The same, opened where they are not open yet, and pinned: `release` them. Raises what `Balances.open` raises."""
        accounts = [self._pinned(budget, at) for budget in budgets]
        are_open = False
        try:
            for account in accounts:
                if account.opening is not None:
                    await asyncio.shield(account.opening)
            are_open = True
        finally:
            if not are_open:
                self.release(accounts)
        return accounts

    def release(self, accounts: Sequence[OpenAccount]) -> None:
        for account in accounts:
            account.pins -= 1
            if account.outdated or account.removed:
                self._leave(account)

    def spend(self, scopes: Scopes, at: int, cost_nanos: int) -> None:
        """A call of these scopes that was admitted at `at` is settled."""
        if not self._by_scope:
            return
        for scope_id in scopes:
            for account in self._by_scope.get(scope_id, ()):
                if account.asked and account.start <= at < account.end:
                    account.spent += cost_nanos

    def forget(self, budget_id: str) -> None:
        for account in list(self._by_budget.get(budget_id, ())):
            account.removed = True
            self._leave(account)

    def _pinned(self, budget: Budget, at: int) -> OpenAccount:
        name = Account(budget.id, budget.period(at))
        account = self._all.get(name)
        if account is None:
            self._make_room(budget, at)
            account = OpenAccount(budget, name.period)
            self._all[name] = account
            self._by_budget.setdefault(budget.id, []).append(account)
            self._by_scope.setdefault(budget.scope_id, []).append(account)
            account.opening = asyncio.ensure_future(self._open(account))
            account.opening.add_done_callback(_noticed)
        account.pins += 1
        account.used = True
        return account

    async def _open(self, account: OpenAccount) -> None:
        try:
            # Nothing is awaited between the two: this is the moment that `Balances.open` speaks of.
            account.asked = True
            before = await self._balances.open(account.budget, account.period)
            account.spent += before  # to what was settled meanwhile
            account.opening = None
        finally:
            if account.opening is not None:
                self._drop(account)
        self._leave(account)

    def _make_room(self, budget: Budget, at: int) -> None:
        """Forgets the budget's periods that are over, and of the others those not used for longest, if there are too many."""
        for account in list(self._by_budget.get(budget.id, ())):
            if account.period.end + _JUMP <= at or account.interval is not budget.interval:
                account.outdated = True
                self._leave(account)
        # Each look either forgets one, or gives it another round; a bounded number keeps the opening of an account short.
        for _ in range(_LOOKS_PER_OPENING):
            if len(self._all) < self._most:
                return
            name, account = next(iter(self._all.items()))
            if account.used or account.is_busy:
                account.used = False
                self._all[name] = self._all.pop(name)
            else:
                self._drop(account)

    def _leave(self, account: OpenAccount) -> None:
        """Drops what is to go, once nothing is held in it."""
        if (account.outdated or account.removed) and not account.is_busy:
            self._drop(account)

    def _drop(self, account: OpenAccount) -> None:
        budget_id = account.budget.id
        name = Account(budget_id, account.period)
        if self._all.get(name) is not account:
            return
        del self._all[name]
        self._together.clear()
        if self._latest.get(budget_id) is account:
            del self._latest[budget_id]
        _remove(self._by_budget, budget_id, account)
        _remove(self._by_scope, account.budget.scope_id, account)


def _remove(index: dict[str, list[OpenAccount]], key: str, account: OpenAccount) -> None:
    found = index[key]
    found.remove(account)
    if not found:
        del index[key]


def _noticed(opening: asyncio.Task[None]) -> None:
    """Whoever waits hears of a failure. Where everybody has left there is nobody to tell."""
    if not opening.cancelled():
        opening.exception()
