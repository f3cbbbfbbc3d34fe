"""Credit pays for usage, invoices show it, and the balance is what the ledger makes it."""

from __future__ import annotations

import pytest

from keyhouse.control import credit, invoices
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from tests.control.houses import DAY, House
from tests.control.test_invoices import DECEMBER, NOVEMBER, OCTOBER, brute, issue, row, scattered, used

DOLLAR = 1_000_000_000


def granted(house: House, when: int, amount: str, expires_at: object = None) -> None:
    house.clock.now = when
    credit.grant(house.control, house.caller, {"amount": amount, "expires_at": expires_at, "note": "trial"})


def test_usage_takes_credit_and_the_invoice_says_so(house: House) -> None:
    granted(house, OCTOBER, "3", "2026-10-05")
    granted(house, OCTOBER + 60, "10")
    used(house, row(house, OCTOBER + DAY, cost_nanos=2 * DOLLAR), row(house, OCTOBER + 6 * DAY, cost_nanos=4 * DOLLAR))
    house.clock.now = OCTOBER + 7 * DAY
    balance = credit.balance(house.control, house.caller)
    assert [(s.paid_nanos, s.left_nanos, s.expired_nanos) for s in balance.grants] == [
        (2 * DOLLAR, 0, DOLLAR),
        (4 * DOLLAR, 6 * DOLLAR, 0),
    ]
    used(house, row(house, NOVEMBER - 1, cost_nanos=9 * DOLLAR))
    house.clock.now = NOVEMBER
    invoice = issue(house, "2026-10")
    assert (invoice.subtotal_nanos, invoice.credit_nanos, invoice.due_cents) == (15 * DOLLAR, 12 * DOLLAR, 300)


@pytest.mark.parametrize("seed", range(3))
def test_credit_and_what_is_due_are_the_ledger_with_late_usage_too(house: House, seed: int) -> None:
    rows = scattered(house, seed, OCTOBER, DECEMBER)
    granted(house, OCTOBER, "12000", "2026-10-20")
    granted(house, OCTOBER + 5 * DAY, "9000")
    used(house, *rows[::2])
    house.clock.now = NOVEMBER
    issue(house, "2026-10")
    used(house, *rows[1::2])
    granted(house, NOVEMBER + DAY, "4000", "2026-11-12")
    house.clock.now = DECEMBER
    issue(house, "2026-11")
    issued = invoices.list_issued(house.control, house.caller)
    assert sum(i.subtotal_nanos for i in issued) == brute(house)
    assert sum(i.credit_nanos for i in issued) == credit.balance(house.control, house.caller).paid_nanos > 0
    assert all(0 <= i.credit_nanos <= i.subtotal_nanos for i in issued)


def test_a_grant_is_audited(house: House) -> None:
    granted(house, OCTOBER, "1.5")
    (event,) = [e for e in house.events() if e.type is EventType.CREDIT_GRANT_CREATED]
    assert event.details == {"amount_nanos": 1_500_000_000, "expires_at": None, "note": "trial"}


@pytest.mark.parametrize(
    ("param", "given"),
    [
        ("amount", {}),
        ("amount", {"amount": "0"}),
        ("amount", {"amount": "-1"}),
        ("amount", {"amount": 5}),
        ("amount", {"amount": "1e40"}),
        ("expires_at", {"amount": "1", "expires_at": "2026-02-30"}),
        ("expires_at", {"amount": "1", "expires_at": "2020-01-01"}),
        ("expires_at", {"amount": "1", "expires_at": DECEMBER + 1}),
        ("expires_at", {"amount": "1", "expires_at": True}),
        ("expires_at", {"amount": "1", "expires_at": 2**63 - 2**63 % DAY}),
        ("note", {"amount": "1", "note": "a\x00b"}),
    ],
)
def test_a_grant_that_means_nothing_is_refused_by_name(house: House, param: str, given: dict[str, object]) -> None:
    house.clock.now = OCTOBER
    with pytest.raises(KeyhouseError) as refusal:
        credit.grant(house.control, house.caller, given)
    assert (refusal.value.code, refusal.value.param) == (ErrorCode.INVALID_VALUE, param)
