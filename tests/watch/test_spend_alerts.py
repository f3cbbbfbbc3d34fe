"""Which alerts fire, when, and how often."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyhouse.domain.budgets import AtEnd, Budget, Interval
from keyhouse.domain.levels import Level
from keyhouse.domain.notices import NoticeKind, NoticeState
from keyhouse.store.contract import Transaction
from keyhouse.store.notices import SqlNotices
from keyhouse.watch.spend_alerts import fire
from tests.store.makers import ORG, OTHER_PROJECT, PROJECT, make_key
from tests.watch.conftest import DOLLAR, NOW, Watched, watched_at

FEBRUARY = 1_801_440_000
DAY = 86_400


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    yield from watched_at(tmp_path / "house", url)


def test_an_alert_fires_when_its_threshold_is_reached_and_not_again(shared: Watched) -> None:
    shared.alert(webhook_url="https://example.com/hook", recipients=("alice@example.com", "bob@example.com"))
    shared.spend(5 * DOLLAR - 1)
    assert fire(shared.store, NOW) == 0
    assert shared.notices() == []
    shared.spend(1)
    assert fire(shared.store, NOW) == 1
    assert [
        (n.kind, n.destination, n.about, n.state) for n in sorted(shared.notices(), key=lambda n: n.destination)
    ] == [
        (NoticeKind.MAIL, "alice@example.com", "alert_1", NoticeState.WAITING),
        (NoticeKind.MAIL, "bob@example.com", "alert_1", NoticeState.WAITING),
        (NoticeKind.WEBHOOK, "https://example.com/hook", "alert_1", NoticeState.WAITING),
    ]
    shared.spend(100 * DOLLAR)
    assert fire(shared.another(), NOW) == 0
    assert len(shared.notices()) == 3


def test_of_gateways_that_look_at_once_one_fires(shared: Watched) -> None:
    for number in range(10):
        shared.alert(number)
    shared.spend(5 * DOLLAR)
    stores, fired, start = [shared.store, shared.another(), shared.another()], [], threading.Barrier(3)

    def look(index: int) -> None:
        start.wait()
        fired.append(fire(stores[index], NOW))

    threads = [threading.Thread(target=look, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(fired), sum(fired)) == (3, 10)
    assert sorted(n.about for n in shared.notices()) == sorted(f"alert_{n}" for n in range(10))


def test_what_dies_before_its_commit_fires_after_the_restart(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.alert(recipients=("alice@example.com", "bob@example.com"))
    watched.spend(5 * DOLLAR)
    added = []

    def dies(self: SqlNotices, notice: Any) -> None:
        added.append(notice)
        if len(added) == 2:
            raise KeyboardInterrupt
        real(self, notice)

    real = SqlNotices.add
    monkeypatch.setattr(SqlNotices, "add", dies)
    with pytest.raises(KeyboardInterrupt):
        fire(watched.store, NOW)
    monkeypatch.undo()
    again = watched.another()
    assert watched.notices() == []
    assert fire(again, NOW) == 1
    assert len(watched.notices()) == 2


def test_a_threshold_of_0_fires_with_the_first_call_that_costs(watched: Watched) -> None:
    watched.alert(dollars=0)
    assert fire(watched.store, NOW) == 0
    watched.spend(0)
    assert fire(watched.store, NOW) == 0
    watched.spend(1)
    assert fire(watched.store, NOW) == 1


def test_several_alerts_of_one_scope_fire_each_for_itself(watched: Watched) -> None:
    for number, dollars in ((1, 1), (2, 2), (3, 3)):
        watched.alert(number, dollars)
    watched.spend(2 * DOLLAR)
    assert fire(watched.store, NOW) == 2
    watched.spend(DOLLAR)
    assert fire(watched.store, NOW) == 1
    assert [n.about for n in watched.notices()].count("alert_3") == 1


def test_spending_counts_where_the_alert_is(watched: Watched) -> None:
    with watched.store.write() as tx:
        tx.keys.add(make_key(1))
    watched.alert(1, 3)
    watched.alert(2, 3, level=Level.ORGANIZATION, scope_id=ORG)
    watched.alert(3, 3, level=Level.KEY, scope_id="key_000001")
    watched.alert(4, 3, scope_id=OTHER_PROJECT)
    watched.spend(2 * DOLLAR, project_id=OTHER_PROJECT, key_id="key_000009")
    watched.spend(2 * DOLLAR, key_id="key_000009")
    assert (fire(watched.store, NOW), [n.about for n in watched.notices()]) == (1, ["alert_2"])
    watched.spend(3 * DOLLAR)
    assert fire(watched.store, NOW) == 2
    assert {n.about for n in watched.notices()} == {"alert_1", "alert_2", "alert_3"}


def test_it_fires_anew_in_each_period(watched: Watched) -> None:
    watched.alert()
    watched.alert(2, interval=Interval.TOTAL)
    watched.spend(5 * DOLLAR)
    assert fire(watched.store, NOW) == 2
    assert fire(watched.store, FEBRUARY + 10) == 0
    watched.spend(5 * DOLLAR, FEBRUARY + 10)
    assert fire(watched.store, FEBRUARY + 11) == 1


def test_calls_that_end_after_their_period_are_not_forgotten(watched: Watched) -> None:
    watched.alert()
    watched.spend(5 * DOLLAR, FEBRUARY - 1)
    assert fire(watched.store, FEBRUARY + 600) == 1
    body = watched.notices()[0]
    assert "in 2027-01 (UTC)" in body.payload
    watched.alert(2, created_at=FEBRUARY + 5)
    assert fire(watched.store, FEBRUARY + 600) == 0, "it began after that period"


def test_an_alert_that_changed_while_it_was_looked_at_is_judged_anew(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = watched.alert()
    watched.spend(5 * DOLLAR)
    looked = watched.store.read

    def changes_after() -> Any:
        context = looked()

        class Around:
            def __enter__(self) -> Transaction:
                return context.__enter__()

            def __exit__(self, *error: Any) -> None:
                context.__exit__(*error)
                with watched.store.write() as tx:
                    tx.spend_alerts.save(replace(alert, threshold_nanos=9 * DOLLAR))

        return Around()

    monkeypatch.setattr(watched.store, "read", changes_after)
    assert fire(watched.store, NOW) == 0
    monkeypatch.undo()
    assert watched.notices() == []
    watched.spend(4 * DOLLAR)
    assert fire(watched.store, NOW) == 1


def test_a_notice_says_what_was_spent_where_and_when(watched: Watched) -> None:
    watched.alert(subject_prefix="[House]", webhook_url="https://example.com/hook")
    watched.spend(5 * DOLLAR + 1)
    fire(watched.store, NOW)
    mail, hook = sorted(watched.notices(), key=lambda n: n.kind.value)
    assert mail.subject == "[House] Spending of project 'Default' has reached $5.00"
    assert "Spent so far: $5.00." in mail.payload
    assert json.loads(hook.payload) == {
        "id": hook.id,
        "type": "spend_alert.reached",
        "created_at": NOW,
        "data": {
            "id": "alert_1", "organization_id": ORG, "level": "project", "scope_id": PROJECT, "scope": "project 'Default'",
            "interval": "month", "period": {"start": 1_798_761_600, "end": FEBRUARY}, "currency": "USD",
            "threshold": "5", "spent": "5.000000001",
        },
    }  # fmt: skip


def budget(watched: Watched, number: int, at_end: AtEnd, dollars: int = 10) -> Budget:
    made = Budget(
        f"budget_{number}", ORG, Level.PROJECT, PROJECT, f"b{number}", dollars * DOLLAR, Interval.DAY, at_end, 1000
    )
    with watched.store.write() as tx:
        tx.budgets.add(made)
    return made


def test_owners_are_told_once_a_period_that_a_budget_is_spent(shared: Watched) -> None:
    budget(shared, 1, AtEnd.REFUSE)
    budget(shared, 2, AtEnd.ALERT)
    budget(shared, 3, AtEnd.REFUSE, 0)
    shared.spend(9_890_000_000)
    assert fire(shared.store, NOW) == 1, "nothing may be spent of the third"
    shared.spend(10_000_000)
    assert fire(shared.store, NOW) == 1, "less than a hundredth of the first is left"
    shared.spend(100_000_000)
    assert fire(shared.store, NOW) == 1
    assert fire(shared.another(), NOW) == 0
    assert {(n.about, n.destination) for n in shared.notices()} == {
        (f"budget_{n}", "alice@example.com") for n in (1, 2, 3)
    }
    shared.spend(10 * DOLLAR, NOW + DAY)
    assert fire(shared.store, NOW + DAY) == 3


def test_an_increase_that_is_in_force_counts(watched: Watched) -> None:
    made = budget(watched, 1, AtEnd.ALERT)
    with watched.store.write() as tx:
        tx.budgets.save(replace(made, increase_nanos=5 * DOLLAR, increase_until=NOW + 100))
    watched.spend(12 * DOLLAR)
    assert fire(watched.store, NOW) == 0
    assert fire(watched.store, NOW + 100) == 1
