"""The whole gate walked at random beside a model of it: keys, limits, budgets, calls, jumps of the clock, restarts."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from keyhouse.control import budgets, keys, limits
from keyhouse.control.budget_fields import BudgetFields
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.limit_fields import LimitFields
from keyhouse.control.minting import Holder
from keyhouse.domain.budgets import Interval, Period
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import NO_LIMIT, Amounts
from keyhouse.policy.grants import Demand, Grant
from keyhouse.policy.keyring import Credential
from tests.app.gate_at_work import GateAtWork
from tests.app.gate_oracle import Call, KnownKey, Oracle

MODELS = ("gpt-4o", "gpt-4o-mini")
DAILY = {"max_requests_per_1_day": 60}
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a real file system, without waiting for a disk

picks = st.integers(0, 10**6)
nanos = st.integers(0, 60)
tokens = st.sampled_from([0, 1, 10, 200])
some_levels = st.sampled_from([Level.ORGANIZATION, Level.PROJECT])
ends = st.sampled_from(["refuse", "refuse", "throttle", "alert"])


class Gate(RuleBasedStateMachine):
    steps: ClassVar[int] = 0
    admitted: ClassVar[int] = 0
    refused: ClassVar[dict[ErrorCode, int]] = {}
    restarts: ClassVar[int] = 0
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=FOLDER)
        self.gate = GateAtWork(Path(self.folder.name) / "house", self.loop)
        house = self.gate.house
        self.holder = Holder(KeyKind.USER, house.project_id)
        self.oracle = Oracle(house.caller.organization_id, house.project_id)
        self.under_way: dict[Call, tuple[Credential, Grant]] = {}
        self.budgets_made = 0
        self.held_to: dict[str, set[Period]] = {}
        self.is_new_money = True

    def teardown(self) -> None:
        self.it_restarts(settled=True)
        self.memory_and_ledger_say_what_the_rows_say()
        self.gate.close()
        self.folder.cleanup()

    # --- what may happen ---

    @initialize(most=st.integers(5, 40), amount=st.integers(500, 4_000))
    def a_house_is_at_work(self, most: int, amount: int) -> None:
        # A limit of a day is there from the beginning: one that comes later does not know of the calls before it.
        for level in (Level.ORGANIZATION, Level.PROJECT):
            for model in MODELS:
                self._set(level, model, {**DAILY, "max_requests_per_1_minute": most})
        self.a_key_is_made(None, 20, 1_000)
        self.a_key_is_made(None, 20, 1_000)
        self.a_budget_is_made(Level.PROJECT, 0, amount, "refuse", Interval.DAY)

    @rule(
        lifetime=st.none() | st.integers(1, 7_200),
        calls=st.sampled_from([12, 30, 3, 0]),
        most_tokens=st.sampled_from([900, 3_000, 100, 0]),
    )
    def a_key_is_made(self, lifetime: int | None, calls: int, most_tokens: int) -> None:
        numbers = {"max_requests_per_1_minute": calls, "max_tokens_per_1_minute": most_tokens, **DAILY}
        given = KeyFields(name="Alice's laptop", expires_in_seconds=lifetime, rate_limits=numbers)
        made = self.gate.do(keys.create, self.holder, given)
        expires_at = None if lifetime is None else self.gate.now + lifetime
        self.oracle.keys.append(KnownKey(made.view.key.id, {made.value: None}, expires_at, numbers))

    @rule(pick=picks, grace=st.sampled_from([0, 1, 60, 3_600]))
    def a_key_is_rotated(self, pick: int, grace: int) -> None:
        key, now = self._key(pick), self.gate.now
        if key.status(now) != "active":
            self._conflicts(lambda: self.gate.do(keys.rotate, self._project_id, key.id))
            return
        rotated = self.gate.do(keys.rotate, self._project_id, key.id, grace_seconds=grace)
        for value, end in key.secrets.items():
            key.secrets[value] = now + grace if end is None else min(end, now + grace)
        key.secrets[rotated.value] = None

    @rule(pick=picks, disabled=st.booleans())
    def a_key_is_disabled_or_enabled(self, pick: int, disabled: bool) -> None:
        key, verb = self._key(pick), keys.disable if disabled else keys.enable
        if key.status(self.gate.now) in {"revoked", "expired"}:
            self._conflicts(lambda: self.gate.do(verb, self._project_id, key.id))
            return
        self.gate.do(verb, self._project_id, key.id)
        key.disabled = disabled

    @rule(pick=picks, sure=st.integers(0, 3))
    def a_key_is_revoked(self, pick: int, sure: int) -> None:
        if sure:
            return
        key = self._key(pick)
        self.gate.do(keys.revoke, self._project_id, key.id)
        key.revoked = True

    @rule(
        level=some_levels,
        model=st.sampled_from(MODELS),
        calls=st.sampled_from([20, 0, 4, 40, NO_LIMIT]),
        most_tokens=st.sampled_from([1_000, 0, 300, NO_LIMIT]),
        daily=st.sampled_from([60, 0, 20, 100]),
    )
    def a_limit_is_set(self, level: Level, model: str, calls: int, most_tokens: int, daily: int) -> None:
        numbers = {"max_requests_per_1_minute": calls, "max_tokens_per_1_minute": most_tokens}
        self._set(level, model, {**numbers, "max_requests_per_1_day": daily})

    @rule(
        level=st.sampled_from(Level),
        pick=picks,
        amount=st.sampled_from([2_000, 300, 5_000, 0]) | st.integers(0, 3_000),
        end=ends,
        interval=st.sampled_from(Interval),
    )
    def a_budget_is_made(self, level: Level, pick: int, amount: int, end: str, interval: Interval) -> None:
        key = self._key(pick)
        if len(self.oracle.budgets) > 8 or (level is Level.KEY and key.status(self.gate.now) != "active"):
            return
        self.budgets_made += 1
        pace = {"throttle_requests_per_minute": 2} if end == "throttle" else {}
        given = BudgetFields(f"b{self.budgets_made}", _dollars(amount), interval.value, end, **pace)
        made = self.gate.do(
            budgets.create,
            given,
            project_id=None if level is Level.ORGANIZATION else self._project_id,
            key_id=key.id if level is Level.KEY else None,
        )
        assert made.amount_nanos == amount
        self.oracle.budgets[made.id] = made

    @precondition(lambda self: self.oracle.budgets)
    @rule(pick=picks, amount=st.integers(0, 5_000), what=st.sampled_from(["amount", "increase", "remove"]))
    def a_budget_is_changed(self, pick: int, amount: int, what: str) -> None:
        old = list(self.oracle.budgets.values())[pick % len(self.oracle.budgets)]
        if what == "remove":
            self.gate.do(budgets.remove, old.id)
            del self.oracle.budgets[old.id]
            return
        key = next((key for key in self.oracle.keys if key.id == old.scope_id), None)
        if key is not None and key.status(self.gate.now) in {"revoked", "expired"}:
            return
        dollars = _dollars(amount + 1)
        if what == "amount":
            changed = self.gate.do(budgets.update, old.id, BudgetFields(amount=dollars))
            assert changed.amount_nanos == amount + 1
        else:
            changed = self.gate.do(budgets.grant_increase, old.id, dollars, self.gate.now + 1_800)
            assert changed.amount_at(self.gate.now) == old.amount_nanos + amount + 1
        self.oracle.budgets[old.id] = changed

    @rule(key=picks, secret=picks, model=st.sampled_from(MODELS), tokens=tokens, bound=nanos, odd=st.integers(0, 19))
    def a_call_comes(self, *, key: int, secret: int, model: str, tokens: int, bound: int, odd: int) -> None:
        by = self._key(key)
        value = list(by.secrets)[secret % len(by.secrets)]
        refusal = by.refusal(value, self.gate.now)
        if refusal is not None:
            self._refuses(refusal, lambda: self.gate.authenticate(value))
            return
        credential = self.gate.authenticate(value)
        assert credential.key_id == by.id
        amounts, bounded, at = Amounts(tokens=tokens), odd > 0, self.gate.now
        expected = self.oracle.admit(by, model, amounts, bound, at=at, now_ms=self.gate.now_ms, bounded=bounded)
        asked = Demand(amounts, bound, None if bounded else "nobody knows")
        if isinstance(expected, ErrorCode):
            self._refuses(expected, lambda: self.gate.grant(credential, model, asked))
            return
        self.under_way[expected] = (credential, self.gate.grant(credential, model, asked))
        type(self).admitted += 1
        for one in self.oracle.budgets_of(by):
            self.held_to.setdefault(one.id, set()).add(one.period(at))
        for name, most in self.oracle.limits_of(by, model).items():
            assert self.oracle.exactly(name, self.gate.now_ms) <= most
        self.is_new_money = True

    @rule(seed=picks, steps=st.integers(150, 400))
    def much_happens(self, seed: int, steps: int) -> None:
        """Calls come and go for a while, each step looked at like any other; hypothesis would take longer to choose them."""
        random = Random(seed)  # noqa: S311 - no secret
        if not self._usable():
            self.a_key_is_made(None, 30, 3_000)
        for n in range(steps):
            pick, some, bound = random.randrange(10**6), random.choice((0, 1, 10, 200)), random.randrange(30)
            what = random.random()
            if what < 0.5 or not self.under_way:
                secret = random.choice((-1, -1, -1, pick))
                self.a_call_comes(
                    key=self._likely(pick),
                    secret=secret,
                    model=random.choice(MODELS),
                    tokens=some,
                    bound=bound,
                    odd=pick % 50,
                )
            elif what < 0.75:
                beyond = bound if random.random() < 0.1 else 0
                self.a_call_is_settled(pick, some, random.randrange(101), beyond, pick % 10)
            elif what < 0.85:
                self.a_call_is_refunded(pick)
            elif what < 0.95:
                self.time_passes(random.choice((1, 999, 1_000, 7_000, 20_000, 60_000)))
            else:
                self.the_clock_jumps(random.choice((3_600, -3_600)))
            if n == steps // 2 and seed % 5 == 0:
                self.it_restarts(settled=bool(pick % 2))
            if n < steps - 1:  # after the last one hypothesis looks
                self.memory_and_ledger_say_what_the_rows_say()

    @precondition(lambda self: self.under_way)
    @rule(pick=picks, tokens=tokens, share=st.integers(0, 100), beyond=st.just(0) | nanos, priced=st.integers(0, 9))
    def a_call_is_settled(self, pick: int, tokens: int, share: int, beyond: int, priced: int) -> None:
        call = list(self.under_way)[pick % len(self.under_way)]
        credential, grant = self.under_way.pop(call)
        cost = call.bound * share // 100 + beyond if priced else None
        self.gate.settle(grant, credential, model=call.model, at=call.at, tokens=tokens, cost=cost)
        self.oracle.settle(call, tokens, cost or 0, self.gate.now_ms)
        self.is_new_money = True

    @precondition(lambda self: self.under_way)
    @rule(pick=picks)
    def a_call_is_refunded(self, pick: int) -> None:
        call = list(self.under_way)[pick % len(self.under_way)]
        self.gate.give_back(self.under_way.pop(call)[1])
        self.oracle.give_back(call)
        self.is_new_money = True

    @rule(milliseconds=st.sampled_from([1, 999, 1_000, 7_000, 30_500, 60_000, 61_000, 600_000, 43_200_000]))
    def time_passes(self, milliseconds: int) -> None:
        before = self.gate.now_ms
        self.gate.now_ms += milliseconds
        self.gate.house.clock.now += self.gate.now_ms // 1000 - before // 1000

    @rule(seconds=st.sampled_from([3_600, -3_600]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.gate.house.clock.now += seconds

    @precondition(lambda self: self.oracle.rows)
    @rule(settled=st.booleans(), pick=st.integers(0, 4))
    def it_may_restart(self, settled: bool, pick: int) -> None:
        if pick == 0:
            self.it_restarts(settled)

    def it_restarts(self, settled: bool) -> None:
        while self.under_way:
            if settled:
                self.a_call_is_settled(0, 10, 50, 0, 1)
            else:
                self.a_call_is_refunded(0)
        self.gate.restart()
        self.oracle.restart(self.gate.now, self.gate.now_ms)
        self.is_new_money = True
        type(self).restarts += 1

    # --- what must hold ---

    @invariant()
    def memory_and_ledger_say_what_the_rows_say(self) -> None:
        type(self).steps += 1
        money = self.gate.grants.reservations
        assert money.outstanding == len(self.under_way) == len(self.oracle.running)
        if not self.is_new_money:
            return
        for one in self.oracle.budgets.values():
            for period in self.held_to.get(one.id, ()):
                standing = money.standing(one, max(period.start, 1))
                expected = (self.oracle.spent(one.scope_id, period), self.oracle.reserved(one.id, period))
                assert standing == expected or (standing is None and not expected[1])
        if all(durable.done() for durable in self.gate.queued):
            self.gate.drain()
            self.is_new_money = False
            for scope_id, start, end, spent in self.gate.balances():
                assert spent == self.oracle.spent(scope_id, Period(start, end))

    # --- helpers ---

    @property
    def _project_id(self) -> str:
        return self.gate.house.project_id

    def _key(self, pick: int) -> KnownKey:
        return self.oracle.keys[pick % len(self.oracle.keys)]

    def _usable(self) -> list[int]:
        keys = self.oracle.keys
        return [n for n, key in enumerate(keys) if key.status(self.gate.now) == "active"]

    def _likely(self, pick: int) -> int:
        """One that may be used, mostly."""
        usable = self._usable()
        return usable[pick % len(usable)] if usable and pick % 8 else pick

    def _set(self, level: Level, model: str, numbers: dict[str, int]) -> None:
        project_id = self._project_id if level is Level.PROJECT else None
        self.gate.do(limits.set_model, project_id, model, LimitFields(**numbers))
        known = {**self.oracle.limits.get((level, model), {}), **numbers}
        self.oracle.limits[level, model] = {name: most for name, most in known.items() if most != NO_LIMIT}

    def _conflicts(self, verb: Callable[[], object]) -> None:
        with pytest.raises(KeyhouseError) as refusal:
            verb()
        assert refusal.value.code is ErrorCode.CONFLICT

    def _refuses(self, code: ErrorCode, verb: Callable[[], object]) -> None:
        with pytest.raises(KeyhouseError) as refusal:
            verb()
        assert refusal.value.code is code
        self.refused[code] = self.refused.get(code, 0) + 1


def _dollars(nanos: int) -> str:
    return f"0.{nanos:09}"


def test_the_gate_lets_pass_what_may_and_nothing_else(long_form: bool) -> None:
    examples, fewest = (100, 200_000) if long_form else (5, 2_000)
    Gate.steps = Gate.admitted = Gate.restarts = 0
    Gate.refused.clear()
    Gate.loop = asyncio.new_event_loop()
    try:
        while Gate.steps < fewest:
            _walk(examples)
    finally:
        Gate.loop.close()
    told = f"{Gate.steps} steps, {Gate.admitted} admitted, {Gate.restarts} restarts, {Gate.refused}"
    assert Gate.steps >= fewest, told
    assert Gate.admitted > Gate.restarts > 0, told
    # A few examples need not meet every refusal; many must.
    seen = {ErrorCode.INVALID_API_KEY, ErrorCode.RATE_LIMIT_EXCEEDED}
    rare = {ErrorCode.KEY_DISABLED, ErrorCode.COST_UNBOUNDED, ErrorCode.INSUFFICIENT_QUOTA}
    assert Gate.refused.keys() >= (seen | rare if long_form else seen), told
    print(told)


def _walk(examples: int) -> None:
    run_state_machine_as_test(
        Gate,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
