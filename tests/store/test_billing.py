"""Profiles, invoices, credit and tags: kept whole, each in its organization."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.billing import BillingProfile, Invoice, InvoiceLine, LineKey, Party, Unit
from keyhouse.domain.credit import CreditGrant
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import Store
from tests.store.makers import ORG, OTHER_ORG

PROFILE = BillingProfile(
    ORG, Party("Haus GmbH", ("Straße 1", "Köln"), "DE1"), Party("日本"), "VAT", 190_000, 14, "Thanks"
)
LINES = (
    InvoiceLine(LineKey("2026-10", "proj_1", "m", Unit.INPUT), "Default", 3, 2**60, 2**62, 2_500_000_000),
    InvoiceLine(LineKey("2026-09", "proj_1", "m", Unit.UNPRICED), "Default", 1, 7, None),
)


def invoice(sequence: int, month: str, organization_id: str = ORG) -> Invoice:
    return Invoice(f"inv_{organization_id}_{sequence}", organization_id, month, 1000, PROFILE, LINES, 5, sequence)


def test_an_invoice_comes_back_as_it_was_issued(store: Store) -> None:
    with store.write() as tx:
        tx.invoices.add(invoice(2, "2026-11"))
        tx.invoices.add(invoice(1, "2026-10"))
        tx.invoices.add(invoice(1, "2026-10", OTHER_ORG))
    with store.read() as tx:
        assert list(tx.invoices.list(ORG)) == [invoice(1, "2026-10"), invoice(2, "2026-11")]


@pytest.mark.parametrize(
    "other", [replace(invoice(1, "2026-11"), id="inv_x"), replace(invoice(2, "2026-10"), id="inv_x")]
)
def test_a_number_and_a_month_are_used_once(store: Store, other: Invoice) -> None:
    with store.write() as tx:
        tx.invoices.add(invoice(1, "2026-10"))
    with pytest.raises(KeyhouseError) as refusal, store.write() as tx:
        tx.invoices.add(other)
    assert refusal.value.code is ErrorCode.CONFLICT


def test_an_organization_has_one_profile(store: Store) -> None:
    with store.write() as tx:
        assert tx.billing_profiles.get(ORG) is None
        tx.billing_profiles.save(replace(PROFILE, note="before"))
        tx.billing_profiles.save(PROFILE)
    with store.read() as tx:
        assert tx.billing_profiles.get(ORG) == PROFILE
        assert tx.billing_profiles.get(OTHER_ORG) is None


def test_grants_come_oldest_first(store: Store) -> None:
    late, early = CreditGrant("cg_1", ORG, 2**62, 200, 86_400, "für alice"), CreditGrant("cg_2", ORG, 1, 100)
    with store.write() as tx:
        for grant in (late, early, CreditGrant("cg_3", OTHER_ORG, 5, 50)):
            tx.credit_grants.add(grant)
    with store.read() as tx:
        assert list(tx.credit_grants.list(ORG)) == [early, late]


def test_tags_are_replaced_whole_and_found_by_name(store: Store) -> None:
    with store.write() as tx:
        tx.tags.replace(ORG, "key_1", {"team": "red", "cost-center": "12"})
        tx.tags.replace(ORG, "key_1", {"team": "blue"})
        tx.tags.replace(ORG, "proj_1", {"team": "green", "a": ""})
        tx.tags.replace(OTHER_ORG, "key_1", {"team": "other"})
        tx.tags.replace(ORG, "key_2", {"team": "gone"})
        tx.tags.replace(ORG, "key_2", {})
    with store.read() as tx:
        assert tx.tags.get(ORG, "key_1") == {"team": "blue"}
        assert tx.tags.get(ORG, "proj_1") == {"a": "", "team": "green"}
        many = [f"key_{n}" for n in range(2000)]
        assert tx.tags.of(ORG, ["proj_1", *many]) == {"proj_1": {"a": "", "team": "green"}, "key_1": {"team": "blue"}}
        assert tx.tags.of(ORG, []) == {}
        assert tx.tags.values(ORG, "team") == {"key_1": "blue", "proj_1": "green"}
        assert tx.tags.get(ORG, "key_2") == {}
