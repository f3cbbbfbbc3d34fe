"""`keyhouse doctor` beside a running gateway, under load, and after a crash."""

from __future__ import annotations

import threading
from contextlib import closing

from keyhouse.domain.budgets import FOREVER
from keyhouse.store.contract import Balance
from keyhouse.store.sqlite import open_sqlite
from tests.e2e import wire
from tests.e2e.conftest import NewHouse
from tests.e2e.house import until
from tests.e2e.upstream import FakeUpstream, answers, completion, delta, streams_on, usage

EXAMINATIONS = 4


def test_doctor_finds_nothing_wrong_while_calls_are_counted(new_house: NewHouse, upstream: FakeUpstream) -> None:
    house = new_house()
    model = upstream.model(answers(completion("Hi", usage(10, 5))))
    house.do("prices", "set", model, "--input", "3", "--output", "5")
    with closing(open_sqlite(house.data)) as store:
        store.ledger.open_balance(Balance(house.facts["project_id"], "budget_1", 0, FOREVER, 0))
    house.start()
    ended = threading.Event()

    def call() -> None:
        while not ended.is_set():
            assert wire.post(house, wire.chat(model)).status == 200

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        found = [house.run("doctor") for _ in range(EXAMINATIONS)]
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert [done.returncode for done in found] == [0] * EXAMINATIONS, [done.stdout for done in found]
    with closing(open_sqlite(house.data)) as store:
        (balance,) = store.ledger.balances()
    assert balance.spent_nanos == len(house.rows()) * 55_000 > 0


def test_doctor_tells_of_calls_that_a_crash_cut_until_they_are_charged(
    new_house: NewHouse, upstream: FakeUpstream
) -> None:
    house = new_house()
    house.start()
    model = upstream.model(streams_on([delta("Once ")]))
    connection = wire.connect(house)
    wire.send(connection, house, wire.chat(model, stream=True))
    until(lambda: upstream.requests(model), 20)
    assert house.run("doctor").returncode == 0
    house.kill()
    connection.close()
    crashed = house.run("doctor")
    assert crashed.returncode == 1
    assert "not charged yet: 1." in crashed.stdout
    house.start()
    assert house.run("doctor").returncode == 0
