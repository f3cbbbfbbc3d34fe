"""Budgets, calls, clocks and a slow ledger at random, beside a model whose only truth is the ledger's rows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.policy.money import Hold, MemoryReservations
from keyhouse.policy.reservations import Account, Scopes, Spent
from keyhouse.store.contract import LedgerUnavailable
from tests.policy.ledgers import ALICE, BOB, CHARLIE, NOON, QueuedLedger, Row, budget

CALLERS = (ALICE, BOB, CHARLIE)
SCOPES = sorted({scope for caller in CALLERS for scope in caller})
DAY = 86_400
MIDNIGHT = NOON + DAY // 2

T = TypeVar("T")

amounts = st.integers(0, 60)
limits = st.integers(0, 300)
ends = st.sampled_from(AtEnd)
intervals = st.sampled_from(Interval)
callers = st.lists(st.sampled_from(CALLERS), max_size=4)
picks = st.integers(0, 10**6)


@dataclass(eq=False)
class Running:
    """A call under way, as the model sees it."""

    scopes: Scopes
    at: int
    held: Hold
    accounts: tuple[Account, ...]
    amount: int


class Money(RuleBasedStateMachine):
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.ledger = QueuedLedger()
        self.money = MemoryReservations(self.ledger, most_accounts=4)
        self.now = MIDNIGHT - 600
        self.budgets: dict[str, Budget] = {}
        self.removed: set[str] = set()
        self.made = 0
        self.running: list[Running] = []
        self.waiting: list[asyncio.Task[None]] = []
        self.in_force: dict[Account, Budget] = {}
        """What a call was last held to."""
        self.times: dict[Account, int] = {}
        self.most: dict[Account, int] = {}
        """The highest amount that was ever in force, and whatever was spent beyond what had been reserved."""

    # --- what may happen ---

    @initialize(amounts=st.tuples(limits, limits, limits), is_slow=st.booleans(), callers=callers)
    def a_house_is_at_work(self, amounts: tuple[int, ...], is_slow: bool, callers: list[Scopes]) -> None:
        for caller in callers:
            self.a_call_comes(caller, 20)
        for scope, amount in zip(ALICE, amounts, strict=True):
            self.a_budget_is_made(scope, amount, AtEnd.REFUSE, Interval.DAY, 0)
        self.ledger.is_slow = is_slow

    @rule(scope=st.sampled_from(SCOPES), amount=limits, at_end=ends, interval=intervals, days=st.integers(0, 2))
    def a_budget_is_made(self, scope: str, amount: int, at_end: AtEnd, interval: Interval, days: int) -> None:
        self.made += 1
        made = budget(scope, amount, f"budget_{self.made}", at_end=at_end, interval=interval)
        if days:
            made = replace(made, increase_nanos=50, increase_until=self.now + days * DAY)
        self.budgets[made.id] = made

    @precondition(lambda self: self.budgets)
    @rule(pick=picks, amount=limits, at_end=ends | st.none(), interval=intervals | st.none())
    def a_budget_is_changed(self, pick: int, amount: int, at_end: AtEnd | None, interval: Interval | None) -> None:
        old = self._some_budget(pick)
        self.budgets[old.id] = replace(
            old, amount_nanos=amount, at_end=at_end or old.at_end, interval=interval or old.interval
        )

    @precondition(lambda self: self.budgets)
    @rule(pick=picks)
    def a_budget_is_removed(self, pick: int) -> None:
        gone = self._some_budget(pick).id
        del self.budgets[gone]
        self.removed.add(gone)
        self.money.forget(gone)
        self.most = {account: most for account, most in self.most.items() if account.budget_id != gone}

    @rule(caller=st.sampled_from(CALLERS), amount=amounts)
    def a_call_comes(self, caller: Scopes, amount: int) -> None:
        self._begin(self._call(caller, amount, self.now))

    @precondition(lambda self: self.running)
    @rule(pick=picks, more=amounts)
    def a_stream_takes_a_slice(self, pick: int, more: int) -> None:
        call = self.running[pick % len(self.running)]
        strict, loose = self._fits(call, more), self._fits(call, more, but=self.removed)
        taken = self._do(self.money.extend(call.held, more))
        # A budget that was removed meanwhile may refuse for as long as a call knows it only from before.
        assert taken in {strict, loose}
        call.amount += more if taken else 0

    @precondition(lambda self: self.running)
    @rule(pick=picks, share=st.integers(0, 100), beyond=st.just(0) | amounts, again=st.booleans())
    def a_call_ends(self, pick: int, share: int, beyond: int, again: bool) -> None:
        call = self.running.pop(pick % len(self.running))
        cost = call.amount * share // 100 + beyond
        self._note_excess(call, cost)
        self.ledger.append(Row(call.scopes, call.at, cost))
        self._do(self.money.settle(call.held, cost))
        if again:
            self._do(self.money.settle(call.held, cost + 1))
            assert not self._do(self.money.extend(call.held, 1))

    @precondition(lambda self: self.waiting)
    @rule(pick=picks)
    def a_waiting_client_goes(self, pick: int) -> None:
        self.waiting[pick % len(self.waiting)].cancel()
        self._go_round()

    @rule(seconds=st.sampled_from([1, 60, 1_200, -1_200, 3_600, -3_600, DAY, 8 * DAY, 40 * DAY]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.now += seconds

    @rule(is_slow=st.booleans(), is_away=st.integers(0, 9).map(lambda n: n == 9))
    def the_ledger_changes(self, is_slow: bool, is_away: bool) -> None:
        self.ledger.is_slow, self.ledger.is_away = is_slow, is_away
        self._work(0 if is_slow else 10**6)

    @rule(entries=st.integers(1, 5))
    def the_ledger_works(self, entries: int) -> None:
        self._work(entries)

    # --- what must hold ---

    @invariant()
    def accounts_say_what_the_rows_say(self) -> None:
        type(self).steps += 1
        for account, held_to in self.in_force.items():
            standing = self.money.standing(held_to, self.times[account])
            if standing is not None:
                assert standing == (self._spent(account), self._reserved(account)), account
            else:
                assert not self._reserved(account), account

    @invariant()
    def no_budget_that_refuses_is_passed(self) -> None:
        for account, most in self.most.items():
            assert self._spent(account) + self._reserved(account) <= most, account

    @invariant()
    def what_has_not_ended_is_counted(self) -> None:
        assert self.money.outstanding == len(self.running)

    def teardown(self) -> None:
        self.the_ledger_changes(is_slow=False, is_away=False)
        self._go_round()
        assert not self.waiting
        while self.running:
            self.a_call_ends(0, 50, 0, again=False)
        self.accounts_say_what_the_rows_say()
        assert self.money.outstanding == 0
        assert all(not self._reserved(account) for account in self.in_force)
        # Everything can be told again from the ledger alone.
        for held_to in self.budgets.values():
            told = replace(held_to, at_end=AtEnd.ALERT)
            held = self._do(self.money.reserve(Scopes("", "", ""), [told], 0, self.now))
            account = Account(told.id, told.period(self.now))
            self.in_force[account] = told
            assert self.money.standing(told, self.now) == (self._spent(account), 0)
            self._do(self.money.settle(held, 0))
        self.loop.close()

    # --- the model ---

    async def _call(self, scopes: Scopes, amount: int, at: int) -> None:
        """Reserves, and judges the answer at the very moment when it comes."""
        budgets = [one for one in self.budgets.values() if one.scope_id in scopes]
        accounts = tuple(Account(one.id, one.period(at)) for one in budgets)
        try:
            held = await self.money.reserve(scopes, budgets, amount, at)
        except LedgerUnavailable:
            assert self.ledger.is_away
            return
        except Spent as spent:
            self._held_to(budgets, accounts, at)
            self._judge(spent, self._short(budgets, accounts, amount, at), amount, at)
            return
        self._held_to(budgets, accounts, at)
        assert not self._short(budgets, accounts, amount, at)
        assert list(held.throttled) == [
            one
            for one, account in zip(budgets, accounts, strict=True)
            if one.at_end is AtEnd.THROTTLE and self._spent(account) >= one.amount_at(at)
        ]
        self.running.append(Running(scopes, at, held, accounts, amount))

    def _judge(self, spent: Spent, short: Sequence[tuple[Budget, int]], amount: int, at: int) -> None:
        rooms = {one.id: room for one, room in short}
        assert rooms.get(spent.budget.id) == spent.left_nanos == min(rooms.values())
        assert (spent.asked_nanos, spent.period) == (amount, spent.budget.period(at))

    def _short(
        self, budgets: Sequence[Budget], accounts: Sequence[Account], amount: int, at: int
    ) -> list[tuple[Budget, int]]:
        """The budgets that must refuse, each with its room."""
        found = []
        for one, account in zip(budgets, accounts, strict=True):
            spent = self._spent(account)
            room = one.amount_at(at) - spent - self._reserved(account)
            if one.at_end is AtEnd.REFUSE and (amount > room or spent >= one.amount_at(at)):
                found.append((one, room))
        return found

    def _held_to(self, budgets: Sequence[Budget], accounts: Sequence[Account], at: int) -> None:
        for one, account in zip(budgets, accounts, strict=True):
            self.in_force[account] = one
            self.times.setdefault(account, at)
            now = self._spent(account) + self._reserved(account)
            if one.at_end is AtEnd.REFUSE and one.id not in self.removed:
                self.most[account] = max(self.most.get(account, now), one.amount_at(at))
            else:
                self.most.pop(account, None)

    def _fits(self, call: Running, more: int, but: set[str] = frozenset()) -> bool:  # type: ignore[assignment] # never written
        for account in call.accounts:
            one = self.in_force[account]
            room = one.amount_at(call.at) - self._spent(account) - self._reserved(account)
            if one.at_end is AtEnd.REFUSE and one.id not in but and more > room:
                return False
        return True

    def _note_excess(self, call: Running, cost: int) -> None:
        for account in self.most:
            if self.in_force[account].scope_id in call.scopes and account.period.start <= call.at < account.period.end:
                held = call.amount if account in call.accounts else 0
                self.most[account] += max(cost - held, 0)

    def _spent(self, account: Account) -> int:
        return self.ledger.truth(self.in_force[account].scope_id, account.period)

    def _reserved(self, account: Account) -> int:
        return sum(call.amount for call in self.running if account in call.accounts)

    def _some_budget(self, pick: int) -> Budget:
        return list(self.budgets.values())[pick % len(self.budgets)]

    # --- the loop ---

    def _begin(self, call: Coroutine[Any, Any, None]) -> None:
        self.waiting.append(self.loop.create_task(call))
        self._go_round()

    def _work(self, entries: int) -> None:
        self.ledger.work(entries)
        self._go_round()

    def _go_round(self) -> None:
        """Until nothing moves any more but by the ledger."""
        self.loop.run_until_complete(_rounds())
        done = [task for task in self.waiting if task.done()]
        self.waiting = [task for task in self.waiting if not task.done()]
        for task in done:
            with contextlib.suppress(asyncio.CancelledError):
                task.result()

    def _do(self, verb: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(verb)


async def _rounds() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


def test_accounts_are_exact_whatever_happens(long_form: bool) -> None:
    examples, fewest = (6_000, 200_000) if long_form else (200, 3_000)
    Money.steps = 0
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Money.steps >= fewest
