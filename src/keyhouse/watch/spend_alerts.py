"""Which alerts are due: spending has reached their threshold in a period in which they have not fired.

That an alert has fired, and the notices that say so, are written in one transaction: before it the alert is still due, however
often the house dies, and after it the notices wait in the outbox. Of several gateways that look at once, one fires.

Calls are counted some seconds after they ended, and belong to the period of their admission. So a period that is over is
looked at for `LATE_SECONDS` more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from keyhouse.domain.budgets import AtEnd, Budget, Period
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.store.contract import Store, Transaction
from keyhouse.watch import messages
from keyhouse.watch.messages import Spending
from keyhouse.watch.spent import Place, spent

LATE_SECONDS = 3600
_T = TypeVar("_T", SpendAlert, Budget)
_Done = Callable[[str, int], bool]


def fire(store: Store, now: int) -> int:
    """Fires every alert that is due, and tells owners of budgets that are spent; how many that were. Blocks."""
    return _fire_alerts(store, now) + _tell_of_budgets(store, now)


class _Due(NamedTuple):
    alert: SpendAlert
    period: Period
    spent_nanos: int


def _fire_alerts(store: Store, now: int) -> int:
    with store.read() as tx:
        open_ = list(_not_done(tx.spend_alerts.all(), tx.spend_alerts.has_fired, now))
        found = spent(tx, (_place(alert, period) for alert, period in open_))
    fired = 0
    for alert, period in open_:
        # A threshold of 0 is reached by the first call that costs anything.
        if found[_place(alert, period)] >= max(alert.threshold_nanos, 1):
            fired += _fire(store, _Due(alert, period, found[_place(alert, period)]), now)
    return fired


def _fire(store: Store, due: _Due, now: int) -> bool:
    alert = due.alert
    with store.write() as tx:
        if tx.spend_alerts.get(alert.organization_id, alert.id) != alert:
            return False  # changed or removed meanwhile: the next look judges what it is now
        if not tx.spend_alerts.mark_fired(alert.id, due.period.start, now):
            return False
        for notice in messages.of_alert(alert, _spending(tx, alert, due.period, due.spent_nanos), now):
            tx.notices.add(notice)
    return True


def _tell_of_budgets(store: Store, now: int) -> int:
    with store.read() as tx:
        open_ = list(_not_done(tx.budgets.shared(), tx.notices.was_told, now))
        found = spent(tx, (_place(budget, period) for budget, period in open_))
    told = 0
    for budget, period in open_:
        nanos = found[_place(budget, period)]
        if nanos >= _as_good_as_spent(budget, min(now, period.end - 1)):
            told += _tell(store, budget, period, nanos, now)
    return told


def _tell(store: Store, budget: Budget, period: Period, nanos: int, now: int) -> bool:
    with store.write() as tx:
        if tx.budgets.get(budget.organization_id, budget.id) != budget:
            return False
        if not tx.notices.first_time(budget.id, period.start, now):
            return False
        owners = [person.email for person, _ in tx.people.owners(budget.organization_id)]
        for notice in messages.of_budget(budget, _spending(tx, budget, period, nanos), owners, now):
            tx.notices.add(notice)
    return True


def _as_good_as_spent(budget: Budget, at: int) -> int:
    """A budget that refuses is never quite spent: what does not fit is refused before. With less than a hundredth left, it is."""
    amount = budget.amount_at(at)
    return max(amount - amount // 100 if budget.at_end is AtEnd.REFUSE else amount, 1)


def _not_done(items: Sequence[_T], done: _Done, now: int) -> Iterator[tuple[_T, Period]]:
    """What has not been told of in the period that runs, or in the one that is just over."""
    for item in items:
        runs = item.period(now)
        for period in (item.period(now - LATE_SECONDS), runs):
            if period.end > item.created_at and not done(item.id, period.start):
                yield item, period
            if period == runs:
                break


def _place(item: SpendAlert | Budget, period: Period) -> Place:
    return Place(item.organization_id, item.level, item.scope_id, period)


def _spending(tx: Transaction, item: SpendAlert | Budget, period: Period, nanos: int) -> Spending:
    return Spending(messages.scope_name(tx, item.organization_id, item.level, item.scope_id), period, nanos)
