from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.domain.money import Price, Rates
from keyhouse.ledger.intents import Intents
from keyhouse.ledger.pricing import PriceBook
from keyhouse.ledger.recovery import output_tokens, recover
from keyhouse.store.contract import Balance, LedgerUnavailable
from keyhouse.store.sqlite import open_sqlite
from tests.ledger.makers import ADMITTED_AT_US, MemoryLedger, make_intent, make_row

ADMITTED_AT = ADMITTED_AT_US // 1_000_000
DOLLAR = 1_000_000_000
BOOK = PriceBook(
    [
        Price("price_then", "gpt-4o-mini", ADMITTED_AT, Rates(input=1 * DOLLAR, output=2 * DOLLAR)),
        Price("price_now", "gpt-4o-mini", ADMITTED_AT + 1, Rates(input=9 * DOLLAR, output=9 * DOLLAR)),
    ]
)


class House:
    """A data directory's intents through crashes, and its ledger."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger = MemoryLedger()
        self.intents = Intents(path, slots=4)

    def crash_and_start(self) -> None:
        self.intents.close()
        self.intents = Intents(self.path, slots=4)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "intents")
    yield house
    house.intents.close()


def test_a_cut_call_is_charged_its_input_and_what_was_relayed_at_its_admissions_price(house: House) -> None:
    slot = house.intents.begin(make_intent("req_cut", input_tokens=100))
    house.intents.relayed(slot, 7, 50)
    house.crash_and_start()
    assert recover(house.intents, house.ledger, BOOK) == 1
    row = house.ledger.rows["req_cut"]
    assert (row.outcome, row.status, row.estimated) == ("interrupted", 0, 1)
    assert (row.input_tokens, row.output_tokens) == (100, 13)
    assert (row.pricing, row.price_id) == ("priced", "price_then")
    assert (row.cost_nanos, row.cost_input_nanos, row.cost_output_nanos) == (126_000, 100_000, 26_000)
    assert row.user_id == "user-alice"
    assert house.intents.left_over() == []


@pytest.mark.parametrize(("events", "content_bytes", "tokens"), [(0, 0, 0), (5, 3, 5), (1, 40, 10), (2, 41, 11)])
def test_relayed_output_is_the_greater_of_its_events_and_a_quarter_of_its_bytes(
    events: int, content_bytes: int, tokens: int
) -> None:
    assert output_tokens(events, content_bytes) == tokens


def test_a_cut_call_of_a_model_without_a_price_is_unpriced(house: House) -> None:
    house.intents.begin(make_intent("req_cut", model="own-model"))
    house.crash_and_start()
    recover(house.intents, house.ledger, BOOK)
    row = house.ledger.rows["req_cut"]
    assert (row.pricing, row.price_id, row.cost_nanos, row.cost_input_nanos) == ("unpriced", None, None, None)


def test_a_call_whose_row_was_written_before_the_crash_keeps_it(house: House) -> None:
    house.intents.begin(make_intent("req_written"))
    house.ledger.append([make_row("req_written")])
    house.crash_and_start()
    assert recover(house.intents, house.ledger, BOOK) == 0
    assert house.ledger.rows["req_written"].outcome == "completed"
    assert house.intents.left_over() == []


def test_recovery_cut_behind_its_commit_charges_nobody_twice(house: House) -> None:
    house.intents.begin(make_intent("req_cut"))
    house.crash_and_start()
    before = house.path.read_bytes()
    assert recover(house.intents, house.ledger, BOOK) == 1
    house.intents.close()
    house.path.write_bytes(before)
    house.intents = Intents(house.path)
    assert recover(house.intents, house.ledger, BOOK) == 0
    assert len(house.ledger.rows) == 1


def test_recovery_without_a_ledger_frees_nothing(house: House) -> None:
    house.intents.begin(make_intent("req_cut"))
    house.crash_and_start()
    house.ledger.failure = LedgerUnavailable("disk full")
    with pytest.raises(LedgerUnavailable):
        recover(house.intents, house.ledger, BOOK)
    house.ledger.failure = None
    house.crash_and_start()
    assert recover(house.intents, house.ledger, BOOK) == 1


def test_any_number_of_cut_calls_is_recovered(house: House) -> None:
    for n in range(2500):
        house.intents.begin(make_intent(f"req_{n}"))
    house.crash_and_start()
    assert recover(house.intents, house.ledger, BOOK) == 2500
    assert len(house.ledger.rows) == 2500
    assert house.intents.left_over() == []


def test_cut_calls_are_charged_to_the_balances_of_their_scopes_once(house: House, tmp_path: Path) -> None:
    day = ADMITTED_AT // 86_400 * 86_400
    with closing(open_sqlite(tmp_path / "house")) as store:
        for scope_id in ("org-1", "proj_1", "key_1", "key_other"):
            store.ledger.open_balance(Balance(scope_id, "budget_1", day, day + 86_400, 1000))
        house.intents.begin(make_intent("req_cut", input_tokens=100))
        house.intents.begin(make_intent("req_unpriced", model="own-model"))
        house.crash_and_start()
        before = house.path.read_bytes()
        assert recover(house.intents, store.ledger, BOOK) == 2
        # Cut behind its commit, and done again.
        house.intents.close()
        house.path.write_bytes(before)
        house.intents = Intents(house.path)
        recover(house.intents, store.ledger, BOOK)
        spent = {balance.scope_id: balance.spent_nanos for balance in store.ledger.balances()}
    assert spent == {"org-1": 101_000, "proj_1": 101_000, "key_1": 101_000, "key_other": 1000}
