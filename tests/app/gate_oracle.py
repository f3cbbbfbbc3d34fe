"""What the gate must answer, from plain lists: keys and their secrets, what was taken and when, rows and what they cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from keyhouse.domain.budgets import AtEnd, Budget, Period
from keyhouse.domain.errors import ErrorCode
from keyhouse.domain.levels import Level
from keyhouse.domain.limits import DAY, Amounts, LimitKind, LimitName

KINDS = {
    "max_requests_per_1_minute": LimitKind.REQUESTS_PER_MINUTE,
    "max_tokens_per_1_minute": LimitKind.TOKENS_PER_MINUTE,
    "max_requests_per_1_day": LimitKind.REQUESTS_PER_DAY,
}
Numbers = dict[str, int]


@dataclass(eq=False)
class KnownKey:
    """`secrets`: value → the moment its grace ends, None without an end."""

    id: str
    secrets: dict[str, int | None]
    expires_at: int | None
    limits: Numbers
    disabled: bool = False
    revoked: bool = False

    def status(self, now: int) -> str:
        if self.revoked:
            return "revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        return "disabled" if self.disabled else "active"

    def refusal(self, value: str, now: int) -> ErrorCode | None:
        status, ends = self.status(now), self.secrets[value]
        if status == "disabled":
            return ErrorCode.KEY_DISABLED
        ended = ends is not None and now >= ends
        return ErrorCode.INVALID_API_KEY if status != "active" or ended else None


@dataclass(eq=False)
class Taken:
    at_ms: int
    amount: int


@dataclass(eq=False)
class Call:
    """An admitted call. `taken`: what it took under each name. `held`: the (budget, period)s in which `bound` is reserved."""

    key: KnownKey
    model: str
    at: int
    amounts: Amounts
    bound: int
    taken: dict[LimitName, Taken]
    held: set[tuple[str, Period]]


@dataclass(frozen=True)
class Row:
    scopes: tuple[str, str, str]
    model: str
    at: int


@dataclass
class Oracle:
    organization_id: str
    project_id: str
    keys: list[KnownKey] = field(default_factory=list)
    limits: dict[tuple[Level, str], Numbers] = field(default_factory=dict)
    """By level and model."""
    budgets: dict[str, Budget] = field(default_factory=dict)
    windows: dict[LimitName, list[Taken]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    costs: dict[str, Counter[int]] = field(default_factory=dict)
    """What the rows of a scope cost, by the day's midnight."""
    running: list[Call] = field(default_factory=list)

    def admit(
        self, key: KnownKey, model: str, amounts: Amounts, bound: int, *, at: int, now_ms: int, bounded: bool
    ) -> Call | ErrorCode:
        """What becomes of a call of an accepted secret; what is admitted is taken."""
        budgets = self.budgets_of(key)
        if not bounded and any(one.at_end is AtEnd.REFUSE for one in budgets):
            return ErrorCode.COST_UNBOUNDED
        limits = self.limits_of(key, model)
        if any(self._passes(name, _part(name, amounts), most, now_ms) for name, most in limits.items()):
            return ErrorCode.RATE_LIMIT_EXCEEDED
        spent = {one.id: self.spent(one.scope_id, one.period(at)) for one in budgets}
        for one in budgets:
            most = one.amount_at(at)
            room = most - spent[one.id] - self.reserved(one.id, one.period(at))
            if one.at_end is AtEnd.REFUSE and (bound > room or spent[one.id] >= most):
                return ErrorCode.INSUFFICIENT_QUOTA
        slowed = [one for one in budgets if one.at_end is AtEnd.THROTTLE and spent[one.id] >= one.amount_at(at)]
        paces = {_pace(one): one.throttle_per_minute or 0 for one in slowed}
        if any(self._passes(name, 1, most, now_ms) for name, most in paces.items()):
            return ErrorCode.RATE_LIMIT_EXCEEDED
        for name in paces:
            self.windows.setdefault(name, []).append(Taken(now_ms, 1))
        taken = {name: Taken(now_ms, _part(name, amounts)) for name in limits}
        for name, one_taken in taken.items():
            self.windows.setdefault(name, []).append(one_taken)
        call = Call(key, model, at, amounts, bound, taken, {(one.id, one.period(at)) for one in budgets})
        self.running.append(call)
        return call

    def settle(self, call: Call, tokens: int, cost: int, now_ms: int) -> None:
        self.running.remove(call)
        row = Row((self.organization_id, self.project_id, call.key.id), call.model, call.at)
        self.rows.append(row)
        for scope_id in row.scopes:
            self.costs.setdefault(scope_id, Counter())[call.at - call.at % DAY] += cost
        for name, taken in call.taken.items():
            if name.kind is LimitKind.TOKENS_PER_MINUTE:
                if tokens > taken.amount:
                    self.windows.setdefault(name, []).append(Taken(now_ms, tokens - taken.amount))
                else:
                    taken.amount = tokens

    def give_back(self, call: Call) -> None:
        self.running.remove(call)
        for taken in call.taken.values():
            taken.amount = 0

    def restart(self, now: int, now_ms: int) -> None:
        """Windows of a minute begin anew; those of a day go on from the minutes of the rows."""
        assert not self.running
        self.windows.clear()
        for row in self.rows:
            ago_ms = max(0, now - (row.at - row.at % 60) - 59) * 1000
            for level, scope_id, model in self._places(row):
                name = LimitName(level, scope_id, model, LimitKind.REQUESTS_PER_DAY)
                self.windows.setdefault(name, []).append(Taken(now_ms - ago_ms, 1))

    def limits_of(self, key: KnownKey, model: str) -> dict[LimitName, int]:
        found: dict[LimitName, int] = {}
        for level, scope_id, of_model, numbers in (
            (Level.ORGANIZATION, self.organization_id, model, self.limits.get((Level.ORGANIZATION, model), {})),
            (Level.PROJECT, self.project_id, model, self.limits.get((Level.PROJECT, model), {})),
            (Level.KEY, key.id, "", key.limits),
        ):
            found |= {LimitName(level, scope_id, of_model, KINDS[name]): most for name, most in numbers.items()}
        return found

    def budgets_of(self, key: KnownKey) -> list[Budget]:
        scopes = {self.organization_id, self.project_id, key.id}
        return [one for one in self.budgets.values() if one.scope_id in scopes]

    def spent(self, scope_id: str, period: Period) -> int:
        days = self.costs.get(scope_id, Counter())
        return sum(cost for day, cost in days.items() if period.start <= day < period.end)

    def reserved(self, budget_id: str, period: Period) -> int:
        return sum(call.bound for call in self.running if (budget_id, period) in call.held)

    def counted(self, name: LimitName, now_ms: int) -> int:
        """A cell is a second: it counts until all of it is longer ago than the window."""
        first = now_ms // 1000 - name.kind.window
        counting = [taken for taken in self.windows.get(name, ()) if taken.at_ms // 1000 >= first]
        self.windows[name] = counting
        return sum(taken.amount for taken in counting)

    def exactly(self, name: LimitName, now_ms: int) -> int:
        """What was taken in the window that ends now, to the millisecond."""
        first = now_ms - name.kind.window * 1000
        return sum(taken.amount for taken in self.windows.get(name, ()) if taken.at_ms >= first)

    def _passes(self, name: LimitName, amount: int, most: int, now_ms: int) -> bool:
        return most <= 0 or self.counted(name, now_ms) + amount > most

    def _places(self, row: Row) -> list[tuple[Level, str, str]]:
        organization_id, project_id, key_id = row.scopes
        return [
            (Level.ORGANIZATION, organization_id, row.model),
            (Level.PROJECT, project_id, row.model),
            (Level.KEY, key_id, ""),
        ]


def _pace(budget: Budget) -> LimitName:
    return LimitName(budget.level, budget.id, "", LimitKind.REQUESTS_PER_MINUTE)


def _part(name: LimitName, amounts: Amounts) -> int:
    return amounts.tokens if name.kind is LimitKind.TOKENS_PER_MINUTE else amounts.requests
