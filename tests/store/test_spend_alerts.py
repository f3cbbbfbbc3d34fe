"""Spend alerts, and the record of what has fired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyhouse.domain.budgets import Interval
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.levels import Level
from keyhouse.domain.spend_alerts import SpendAlert
from keyhouse.store.contract import Page, ScopeFilter, Store
from tests.store.makers import ORG, OTHER_ORG, PROJECT


def make_alert(number: int, level: Level = Level.PROJECT, scope_id: str = PROJECT, **changes: Any) -> SpendAlert:
    alert = SpendAlert(
        f"alert_{number}", ORG, level, scope_id, 5_000_000_000, Interval.MONTH, ("alice@example.com",), 1000
    )
    return replace(alert, **changes)


def test_an_alert_comes_back_as_it_was_stored(store: Store) -> None:
    plain = make_alert(1, threshold_nanos=0)
    full = make_alert(
        2, recipients=("é@example.com", "b@example.com"), subject_prefix="[House]", webhook_url="https://example.com/hook",
        interval=Interval.DAY,
    )  # fmt: skip
    add(store, plain, full)
    with store.read() as tx:
        assert tx.spend_alerts.get(ORG, "alert_1") == plain
        assert tx.spend_alerts.get(ORG, "alert_2") == full
        assert tx.spend_alerts.get(OTHER_ORG, "alert_1") is None
        assert tx.spend_alerts.all() == [plain, full]


def test_alerts_are_listed_by_scope_in_pages(store: Store) -> None:
    other = make_alert(4, Level.ORGANIZATION, OTHER_ORG, organization_id=OTHER_ORG)
    add(store, make_alert(1), make_alert(2), make_alert(3, Level.ORGANIZATION, ORG), other)
    with store.read() as tx:
        first = tx.spend_alerts.list(ORG, ScopeFilter(Level.PROJECT, PROJECT), Page(limit=1))
        rest = tx.spend_alerts.list(ORG, ScopeFilter(Level.PROJECT, PROJECT), Page("alert_1", 1))
        everything = tx.spend_alerts.list(ORG, ScopeFilter(), Page())
        with pytest.raises(KeyhouseError) as caught:
            tx.spend_alerts.list(ORG, ScopeFilter(Level.PROJECT, PROJECT), Page("alert_3"))
    assert ([a.id for a in first.items], first.has_more) == (["alert_1"], True)
    assert ([a.id for a in rest.items], rest.has_more) == (["alert_2"], False)
    assert [a.id for a in everything.items] == ["alert_1", "alert_2", "alert_3"]
    assert caught.value.param == "after"


def test_an_alert_fires_once_in_a_period(store: Store) -> None:
    add(store, make_alert(1), make_alert(2))
    for period, alert, new in ((0, 1, True), (0, 1, False), (86_400, 1, True), (0, 2, True), (0, 3, False)):
        with store.write() as tx:
            assert tx.spend_alerts.mark_fired(f"alert_{alert}", period, 5) is new
    with store.read() as tx:
        assert tx.spend_alerts.has_fired("alert_1", 86_400)
        assert not tx.spend_alerts.has_fired("alert_2", 86_400)
        assert not tx.spend_alerts.has_fired("alert_3", 0)


def test_another_threshold_may_fire_again_and_another_recipient_may_not(store: Store) -> None:
    alert = make_alert(1)
    add(store, alert)
    with store.write() as tx:
        tx.spend_alerts.mark_fired(alert.id, 0, 5)
        tx.spend_alerts.save(replace(alert, recipients=("bob@example.com",), subject_prefix="x"))
        assert tx.spend_alerts.has_fired(alert.id, 0)
        tx.spend_alerts.save(replace(alert, threshold_nanos=9_000_000_000))
        assert not tx.spend_alerts.has_fired(alert.id, 0)
        tx.spend_alerts.mark_fired(alert.id, 0, 6)
        tx.spend_alerts.save(replace(alert, threshold_nanos=9_000_000_000, interval=Interval.WEEK))
        assert not tx.spend_alerts.has_fired(alert.id, 0)


def test_a_removed_alert_is_forgotten_with_what_it_fired(store: Store) -> None:
    alert = make_alert(1)
    add(store, alert)
    with store.write() as tx:
        tx.spend_alerts.mark_fired(alert.id, 0, 5)
        tx.spend_alerts.remove(alert.id)
        assert tx.spend_alerts.all() == []
        assert not tx.spend_alerts.has_fired(alert.id, 0)
        with pytest.raises(KeyhouseError) as caught:
            tx.spend_alerts.save(alert)
    assert caught.value.code is ErrorCode.NOT_FOUND


def add(store: Store, *alerts: SpendAlert) -> None:
    with store.write() as tx:
        for alert in alerts:
            tx.spend_alerts.add(alert)
