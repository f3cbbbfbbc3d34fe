"""The last steps of the gate: places under a call's rate limits, and money under its budgets; all of them, or a 429 and none.

rules ──▶ take rate limits ──▶ reserve on every budget ──▶ Grant ──▶ settle
                ◀── given back if the money is not there
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from keyhouse.domain.budgets import FOREVER, AtEnd, Budget
from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.limits import Amounts, LimitKind, LimitName, RateLimit
from keyhouse.domain.money import format_dollars
from keyhouse.policy.counters import RateCounters, RateLimited, Ticket
from keyhouse.policy.keyring import Credential
from keyhouse.policy.reservations import Reservation, Reservations, Scopes, Spent
from keyhouse.policy.rules import Rules


class Demand(NamedTuple):
    """What a call asks for. `nanos`: what it costs at most, or the first slice of a stream that did not say how long it will be.
    `unbounded`: why nobody can tell what it may cost, as the rest of a sentence; None where it is known."""

    amounts: Amounts
    nanos: int
    unbounded: str | None = None


NOTHING_ASKED = Demand(Amounts(), 0)
_HOUR_MS = 3_600_000


class Held(NamedTuple):
    """What calls of a key and a model are held to: every limit and budget that is set at a level they belong to."""

    limits: Sequence[RateLimit]
    budgets: Sequence[Budget]
    scopes: Scopes
    is_capped: bool
    """Whether a budget refuses what is beyond it, so that no call may run away."""
    rules: Rules | None
    """By which it was found; it holds no longer than they do."""
    until: int | None
    """When a temporary increase among the limits ends (Unix seconds)."""


_MODELS_REMEMBERED = 100
"""For each key: callers choose the names."""


class Grant(NamedTuple):
    """What a call has been given, until it is settled."""

    ticket: Ticket | None
    reservation: Reservation


class Grants:
    """Gives grants and takes them back. `rules` is replaced when control changes what is set."""

    def __init__(self, rules: Rules, counters: RateCounters, reservations: Reservations) -> None:
        self.rules = rules
        self.counters = counters
        self.reservations = reservations

    def held(self, credential: Credential, model: str, now: int) -> Held:
        """What holds for a call of `model` at `now` (Unix seconds)."""
        found: Held | None = credential.held.get(model)
        if found is None or found.rules is not self.rules or (found.until is not None and found.until <= now):
            found = self._find(credential, model, now)
        return found

    async def grant(self, model: str, held: Held, asked: Demand, now: int) -> Grant:
        """Lets the call pass, or raises a 429 that says what refused it, or 400 for a call that nobody can bound under a budget
        that refuses. A call that does not pass has taken nothing."""
        limits, budgets = held.limits, held.budgets
        if asked.unbounded is not None and held.is_capped:
            raise _unbounded(budgets, asked.unbounded)
        ticket = None
        if limits:
            try:
                ticket = await self.counters.take(limits, asked.amounts)
            except RateLimited as limited:
                raise _limited(limited, model) from None
        reservation: Reservation | None = None
        passed = False
        try:
            reservation = await self.reservations.reserve(held.scopes, budgets, asked.nanos, now)
            if reservation.throttled:
                await self._throttle(reservation.throttled)
            passed = True
        except Spent as spent:
            raise _spent(spent, now) from None
        finally:  # also where the wait for a balance was cancelled
            if not passed:
                await self._give_back(ticket, reservation)
        return Grant(ticket, reservation)

    async def settle(self, grant: Grant, amounts: Amounts, cost_nanos: int) -> None:
        """The call is over and its row written: what it took is corrected, what it held is free, what it cost is spent."""
        # The money first: between the row and this nothing may be awaited, and counters may one day have to ask elsewhere.
        await self.reservations.settle(grant.reservation, cost_nanos)
        if grant.ticket is not None and grant.ticket.amounts != amounts:
            await self.counters.correct(grant.ticket, amounts)

    async def give_back(self, grant: Grant) -> None:
        """The call never began."""
        await self._give_back(grant.ticket, grant.reservation)

    def _find(self, credential: Credential, model: str, now: int) -> Held:
        scopes = Scopes(credential.organization_id, credential.project_id, credential.key_id)
        (limits, until), budgets = self.rules.limits(credential, model, now), self.rules.budgets(credential)
        capped = any(budget.at_end is AtEnd.REFUSE for budget in budgets)
        if len(credential.held) >= _MODELS_REMEMBERED:
            credential.held.clear()
        credential.held[model] = found = Held(limits, budgets, scopes, capped, self.rules, until)
        return found

    async def _throttle(self, budgets: Sequence[Budget]) -> None:
        paces = [
            RateLimit(
                LimitName(budget.level, budget.id, "", LimitKind.REQUESTS_PER_MINUTE), budget.throttle_per_minute or 0
            )
            for budget in budgets
        ]
        try:
            await self.counters.take(paces, Amounts())
        except RateLimited as limited:
            budget = next(budget for budget in budgets if budget.id == limited.limit.name.id)
            raise _paced(budget, limited) from None

    async def _give_back(self, ticket: Ticket | None, reservation: Reservation | None) -> None:
        if reservation is not None:
            await self.reservations.settle(reservation, 0)
        if ticket is not None:
            await self.counters.give_back(ticket)


def _unbounded(budgets: Sequence[Budget], why: str) -> KeyhouseError:
    budget = next(budget for budget in budgets if budget.at_end is AtEnd.REFUSE)
    message = f"What this call may cost has no bound, because {why}; {_named(budget)} lets no such call pass."
    return KeyhouseError(ErrorCode.COST_UNBOUNDED, message)


def _limited(limited: RateLimited, model: str) -> KeyhouseError:
    name, limit = limited.limit
    of = f"model '{shown(model)}' in {name.level.value} {name.id}" if name.model else f"{name.level.value} {name.id}"
    said = f"{name.kind.noun} ({name.kind.field}) of {of}: limit {limit:,}, asked {limited.asked:,}."
    if limited.retry_after_ms is None:
        alone = "The call alone is more than the limit of" if limit else "No call is let through by the limit of"
        return KeyhouseError(
            ErrorCode.RATE_LIMIT_EXCEEDED,
            f"{alone} {said} Waiting does not help.",
            headers=[("x-should-retry", "false")],
        )
    message = f"Rate limit reached for {said} {_patience(limited.retry_after_ms)}"
    return KeyhouseError(ErrorCode.RATE_LIMIT_EXCEEDED, message, headers=_retry_headers(limited.retry_after_ms))


def _paced(budget: Budget, limited: RateLimited) -> KeyhouseError:
    pace = f"{_named(budget)} is spent, so calls pass at {limited.limit.limit:,} a minute."
    sentence = pace[0].upper() + pace[1:]
    if limited.retry_after_ms is None:
        return KeyhouseError(ErrorCode.RATE_LIMIT_EXCEEDED, sentence, headers=[("x-should-retry", "false")])
    return KeyhouseError(
        ErrorCode.RATE_LIMIT_EXCEEDED,
        f"{sentence} {_patience(limited.retry_after_ms)}",
        headers=_retry_headers(limited.retry_after_ms),
    )


def _spent(spent: Spent, now: int) -> KeyhouseError:
    budget, period = spent.budget, spent.period
    until = "" if period.end == FOREVER else f" until {datetime.fromtimestamp(period.end, UTC):%Y-%m-%d %H:%M} UTC"
    left, amount, asked = (
        _dollars(nanos) for nanos in (max(spent.left_nanos, 0), budget.amount_at(now), spent.asked_nanos)
    )
    message = (
        f"You exceeded your current quota: {_named(budget)} has {left} of {amount} left{until}, "
        f"and this call may cost {asked}."
    )
    return KeyhouseError(ErrorCode.INSUFFICIENT_QUOTA, message, headers=[("x-should-retry", "false")])


def _named(budget: Budget) -> str:
    return f"the budget '{shown(budget.name)}' ({budget.id}) of {budget.level.value} {budget.scope_id}"


def _dollars(nanos: int) -> str:
    """Exact, with cents at least: small budgets must not look like none."""
    whole, _, fraction = format_dollars(nanos, 9).partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"


def _patience(milliseconds: int) -> str:
    if milliseconds < _HOUR_MS:
        return f"Please try again in {milliseconds / 1000:g} s."
    hours, minutes = divmod(-(-milliseconds // 60_000), 60)
    return f"Please try again in {hours} h {minutes} min."


def _retry_headers(milliseconds: int) -> list[tuple[str, str]]:
    return [("retry-after", str(-(-milliseconds // 1000))), ("retry-after-ms", str(milliseconds))]
