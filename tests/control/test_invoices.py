"""Invoices are the ledger, to the nano-dollar: while a month runs, once it is issued, and with what comes late."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from keyhouse.control import invoices, prices
from keyhouse.control.prices import DollarRates
from keyhouse.domain.audit import EventType
from keyhouse.domain.billing import Invoice, Unit, month_of
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.usage import UsageRow
from tests.control.houses import DAY, House
from tests.ledger.rollup_rows import usage_row

STORES = ("sqlite", "postgres")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


OCTOBER, NOVEMBER, DECEMBER = at("2026-10-01"), at("2026-11-01"), at("2026-12-01")


def row(house: House, when: int, **facts: object) -> UsageRow:
    place = {"organization_id": house.caller.organization_id, "project_id": house.project_id}
    return usage_row(at=when, **{**place, **facts})  # type: ignore[arg-type]  # the facts of a row, by name


def used(house: House, *rows: UsageRow) -> None:
    house.store.ledger.append(rows)


def brute(house: House, month: str | None = None) -> int:
    """What the ledger's rows of the organization cost, row by row."""
    rows = [entry.row for entry in house.store.ledger.since(0)]
    mine = [r for r in rows if r.organization_id == house.caller.organization_id]
    return sum(r.cost_nanos or 0 for r in mine if month in {None, month_of(r.admitted_at_us // 1_000_000)})


def scattered(house: House, seed: int, start: int, end: int, count: int = 300) -> list[UsageRow]:
    random_ = random.Random(seed)  # noqa: S311 - any rows will do, the same each time
    rows = []
    for _ in range(count):
        tokens = random_.randrange(1, 5000)
        rows.append(
            row(
                house,
                random_.choice([start, end - 1, random_.randrange(start, end)]),
                project_id=random_.choice([house.project_id, "proj_other"]),
                key_id=random_.choice(["key_a", "key_b"]),
                model=random_.choice(["m-small", "m-large", "=evil", None]),
                organization_id=random_.choice([house.caller.organization_id] * 4 + ["org-other"]),
                input_tokens=tokens,
                cached_tokens=random_.randrange(tokens),
                output_tokens=random_.randrange(900),
                cost_nanos=random_.choice([0, 0, 0, None]),
                costs=tuple(random_.choice([0, 1, random_.randrange(10**12)]) for _ in range(3)),
            )
        )
    return rows


def issue(house: House, month: str) -> Invoice:
    return invoices.issue(house.control, house.caller, month)


def show(house: House, which: str) -> Invoice:
    return invoices.show(house.control, house.caller, which)


def refused(house: House, month: object) -> KeyhouseError:
    with pytest.raises(KeyhouseError) as refusal:
        invoices.issue(house.control, house.caller, month)
    return refusal.value


def sum_of(issued: Sequence[Invoice]) -> int:
    return sum(invoice.subtotal_nanos for invoice in issued)


@pytest.mark.parametrize("seed", range(3))
def test_an_invoice_is_what_the_rows_of_its_month_cost(house: House, seed: int) -> None:
    used(house, *scattered(house, seed, OCTOBER - 5 * DAY, DECEMBER, 500))
    house.clock.now = DECEMBER + 100
    for month in ("2026-09", "2026-10", "2026-11"):
        invoice = issue(house, month)
        assert invoice.subtotal_nanos == brute(house, month) > 0
        assert {line.key.month for line in invoice.lines} == {month}
    assert sum_of(invoices.list_issued(house.control, house.caller)) == brute(house)


@pytest.mark.parametrize("seed", range(3))
def test_all_invoices_together_are_the_ledger_whenever_rows_come(house: House, seed: int) -> None:
    rows = scattered(house, seed, OCTOBER, DECEMBER, 400)
    random.Random(seed).shuffle(rows)  # noqa: S311 - as above
    early, late = rows[:200], rows[200:]
    used(house, *early)
    house.clock.now = NOVEMBER
    assert issue(house, "2026-10").subtotal_nanos == brute(house, "2026-10")
    used(house, *late)
    house.clock.now = DECEMBER
    issue(house, "2026-11")
    assert sum_of(invoices.list_issued(house.control, house.caller)) == brute(house)


def test_late_usage_is_on_the_next_invoice_under_its_month(house: House) -> None:
    used(house, row(house, OCTOBER, cost_nanos=5))
    house.clock.now = NOVEMBER
    issued = issue(house, "2026-10")
    used(house, row(house, NOVEMBER - 1, cost_nanos=7), row(house, NOVEMBER, cost_nanos=9))
    assert show(house, "2026-10") == issued
    house.clock.now = DECEMBER
    lines = {(line.key.month, line.amount_nanos) for line in issue(house, "2026-11").lines if line.amount_nanos}
    assert lines == {("2026-10", 7), ("2026-11", 9)}


def test_late_usage_waits_for_the_invoice_that_is_issued_next(house: House) -> None:
    used(house, row(house, OCTOBER, cost_nanos=5))
    house.clock.now = NOVEMBER
    issue(house, "2026-10")
    used(
        house, row(house, OCTOBER, cost_nanos=1), row(house, NOVEMBER, cost_nanos=2), row(house, DECEMBER, cost_nanos=3)
    )
    house.clock.now = DECEMBER + 1
    assert show(house, "2026-11").subtotal_nanos == 3
    assert show(house, "2026-12").subtotal_nanos == 3
    issue(house, "2026-11")
    assert show(house, "2026-12").subtotal_nanos == 3


def test_a_line_for_each_project_model_and_unit(house: House) -> None:
    house.clock.now = NOVEMBER
    used(house, *(row(house, OCTOBER, cached_tokens=40, costs=(10, 2, 30)) for _ in range(2)))
    used(house, row(house, OCTOBER, project_id="proj_other", model="m-large", output_tokens=0, costs=(7, 0, 0)))
    lines = issue(house, "2026-10").lines
    assert {(line.project_name, line.key.model, line.key.unit, line.quantity, line.amount_nanos) for line in lines} == {
        ("proj_other", "m-large", Unit.INPUT, 100, 7),
        ("Default project", "m-small", Unit.CACHED_INPUT, 80, 4),
        ("Default project", "m-small", Unit.INPUT, 120, 20),
        ("Default project", "m-small", Unit.OUTPUT, 40, 60),
    }


def test_unpriced_usage_is_listed_with_its_tokens_and_no_amount(house: House) -> None:
    house.clock.now = NOVEMBER
    used(house, row(house, OCTOBER, model="m-new", cost_nanos=None), row(house, OCTOBER, cost_nanos=5))
    (line,) = [line for line in issue(house, "2026-10").lines if line.key.unit is Unit.UNPRICED]
    assert (line.key.model, line.requests, line.quantity, line.amount_nanos) == ("m-new", 1, 120, None)


# --- the unit price --------------------------------------------------------------------------------------------------


def set_price(house: House, when: int, dollars: str) -> None:
    house.clock.now = when
    prices.set_price(house.control, house.caller, "m-small", DollarRates(dollars, dollars))


def unit_prices(invoice: Invoice) -> set[int | None]:
    return {line.unit_price_nanos for line in invoice.lines}


def test_one_price_for_the_whole_month_is_shown(house: House) -> None:
    set_price(house, OCTOBER - DAY, "2")
    used(house, row(house, OCTOBER, input_tokens=100, output_tokens=20, costs=(200_000, 0, 40_000)))
    house.clock.now = NOVEMBER
    assert unit_prices(issue(house, "2026-10")) == {2_000_000_000}


def test_of_two_prices_none_is_shown(house: House) -> None:
    set_price(house, OCTOBER - DAY, "2")
    set_price(house, OCTOBER + DAY, "3")
    used(house, row(house, OCTOBER, input_tokens=100, output_tokens=20, costs=(200_000, 0, 40_000)))
    house.clock.now = NOVEMBER
    assert unit_prices(issue(house, "2026-10")) == {None}


def test_a_price_that_does_not_explain_the_amount_is_not_shown(house: House) -> None:
    set_price(house, OCTOBER - DAY, "2")
    used(house, row(house, OCTOBER, input_tokens=100, output_tokens=20, costs=(300_000, 0, 40_000)))
    house.clock.now = NOVEMBER
    assert unit_prices(issue(house, "2026-10")) == {None, 2_000_000_000}


def test_a_reprice_changes_no_past_invoice(house: House) -> None:
    set_price(house, OCTOBER - DAY, "2")
    used(house, row(house, OCTOBER, input_tokens=100, output_tokens=20, costs=(200_000, 0, 40_000)))
    house.clock.now = NOVEMBER
    draft, issued = show(house, "2026-10"), issue(house, "2026-10")
    set_price(house, NOVEMBER + 1, "99")
    assert show(house, "2026-10") == issued
    assert issued.lines == draft.lines


# --- issuing ---------------------------------------------------------------------------------------------------------


def test_numbers_have_no_gaps_and_issuing_twice_is_once(house: House) -> None:
    used(house, row(house, OCTOBER, cost_nanos=5), row(house, NOVEMBER, cost_nanos=6))
    house.clock.now = DECEMBER
    first = issue(house, "2026-10")
    assert issue(house, "2026-10") == first
    second = issue(house, "2026-11")
    assert [first.number, second.number] == ["KH-2026-0001", "KH-2026-0002"]
    assert list(invoices.list_issued(house.control, house.caller)) == [first, second]
    for which in (second.id, "KH-2026-0002", "2026-11"):
        assert show(house, which) == second
    events = [e for e in house.events() if e.type is EventType.INVOICE_ISSUED]
    assert [e.details["number"] for e in events] == ["KH-2026-0001", "KH-2026-0002"]


def test_a_running_month_is_a_draft_and_is_not_issued(house: House) -> None:
    house.clock.now = NOVEMBER - 1
    used(house, row(house, OCTOBER, cost_nanos=5))
    assert (show(house, "2026-10").number, show(house, "2026-10").subtotal_nanos) == (None, 5)
    used(house, row(house, OCTOBER, cost_nanos=6))
    assert show(house, "2026-10").subtotal_nanos == 11
    assert refused(house, "2026-10").code is ErrorCode.CONFLICT


def test_months_are_issued_in_order(house: House) -> None:
    used(house, row(house, OCTOBER, cost_nanos=5), row(house, NOVEMBER, cost_nanos=6))
    house.clock.now = DECEMBER
    assert "2026-10" in str(refused(house, "2026-11"))
    issue(house, "2026-10")
    issue(house, "2026-11")


def test_a_month_without_usage_has_no_invoice(house: House) -> None:
    house.clock.now = DECEMBER
    assert "Nothing was used" in str(refused(house, "2026-10"))


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-1", "10-2026", "", "２０２６-10", "2026-10\n", "1969-12", 202610, None]
)
def test_what_is_no_month_is_refused(house: House, month: object) -> None:
    assert refused(house, month).code is ErrorCode.INVALID_VALUE


def test_a_month_that_has_not_begun_and_an_invoice_that_is_not_there(house: House) -> None:
    house.clock.now = OCTOBER
    for which, code in (("2026-11", ErrorCode.INVALID_VALUE), ("inv_nothing", ErrorCode.NOT_FOUND)):
        with pytest.raises(KeyhouseError) as refusal:
            show(house, which)
        assert refusal.value.code is code
