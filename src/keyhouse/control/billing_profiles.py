"""Billing profiles: who sells, who buys, the tax and the terms that an organization's next invoices state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.billing import TAX_PARTS, BillingProfile
from keyhouse.domain.errors import invalid

FIELDS = (
    "legal_name", "address", "tax_id", "seller_name", "seller_address", "seller_tax_id", "tax_name", "tax_rate", "terms_days",
    "note",
)  # fmt: skip
MAX_LINES = 8
MAX_TERMS = 365


@needs(Permission.BILLING_READ)
def show(control: Control, caller: Caller) -> BillingProfile:
    """The organization's profile; an empty one where none was set."""
    with control.store.read() as tx:
        return tx.billing_profiles.get(caller.organization_id) or BillingProfile(caller.organization_id)


@needs(Permission.BILLING_WRITE)
def update(control: Control, caller: Caller, given: Mapping[str, object]) -> BillingProfile:
    """Changes the given fields (`FIELDS`; UNSET: not given, null: empty). Issued invoices stay as they are.

    Raises `invalid_value` for the first bad one.
    """
    wanted = {name: _checked(name, given[name]) for name in FIELDS if given.get(name, UNSET) is not UNSET}
    now = control.clock()
    with control.store.write() as tx:
        before = tx.billing_profiles.get(caller.organization_id) or BillingProfile(caller.organization_id)
        profile = _with(before, wanted)
        tx.billing_profiles.save(profile)
        tx.audit.append(
            event(
                caller,
                now,
                EventType.BILLING_PROFILE_UPDATED,
                caller.organization_id,
                details={"changes_requested": wanted},
            )
        )
    return profile


def rate_text(tax_parts: int) -> str:
    """A tax rate in percent, exactly: `19`, `8.875`."""
    whole, part = divmod(tax_parts, TAX_PARTS // 100)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".")


def _checked(name: str, value: object) -> Any:
    if name == "tax_rate":
        return "0" if value is None else rate_text(_rate(value))
    if name == "terms_days":
        return _days(30 if value is None else value)
    if name in {"address", "seller_address"}:
        return _lines(name, () if value is None else value)
    if value is None or value == "":
        return "Tax" if name == "tax_name" else ""
    return fields.name(value, name)


def _rate(value: object) -> int:
    try:
        percent = Decimal(value) if isinstance(value, str) and len(value) <= 12 and value.isascii() else Decimal("NaN")
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise invalid("tax_rate", '\'tax_rate\' must be a percentage from 0 to 100 as a text, such as "19" or "8.875".')
    parts = percent * (TAX_PARTS // 100)
    if parts != parts.to_integral_value():
        raise invalid("tax_rate", "'tax_rate' has more than four decimal places.")
    return int(parts)


def _days(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TERMS:
        raise invalid("terms_days", f"'terms_days' must be a whole number of days from 0 to {MAX_TERMS}.")
    return value


def _lines(name: str, value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > MAX_LINES:
        raise invalid(name, f"'{name}' must be a list of at most {MAX_LINES} lines.")
    return [fields.name(line, f"{name}[{i}]") for i, line in enumerate(value)]


def _with(profile: BillingProfile, wanted: Mapping[str, Any]) -> BillingProfile:
    buyer = {"name": "legal_name", "address": "address", "tax_id": "tax_id"}
    seller = {attribute: f"seller_{attribute}" for attribute in buyer}

    def picked(names: Mapping[str, str]) -> dict[str, Any]:
        found = {attribute: wanted[name] for attribute, name in names.items() if name in wanted}
        return {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}

    own = {name: wanted[name] for name in ("tax_name", "terms_days", "note") if name in wanted}
    if "tax_rate" in wanted:
        own["tax_parts"] = _rate(wanted["tax_rate"])
    return replace(
        profile, buyer=replace(profile.buyer, **picked(buyer)), seller=replace(profile.seller, **picked(seller)), **own
    )
