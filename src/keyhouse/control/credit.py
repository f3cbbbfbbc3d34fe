"""Prepaid credit: grants, and where they stand. What they paid is computed from what the days cost, never kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from keyhouse.control import amounts, fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.invoice_lines import daily_costs
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.credit import CreditGrant, Standing, payments, standings
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid, shown
from keyhouse.ledger import reports

DAY = 86_400
MAX_GRANTS = 1000


class Balance(NamedTuple):
    """Every grant where it stands, oldest first, and their sums in nano-dollars."""

    grants: tuple[Standing, ...]

    @property
    def available_nanos(self) -> int:
        return sum(standing.left_nanos for standing in self.grants)

    @property
    def paid_nanos(self) -> int:
        return sum(standing.paid_nanos for standing in self.grants)

    @property
    def expired_nanos(self) -> int:
        return sum(standing.expired_nanos for standing in self.grants)


@needs(Permission.BILLING_WRITE)
def grant(control: Control, caller: Caller, given: Mapping[str, object]) -> CreditGrant:
    """Credit for usage from today (UTC) on: `{amount, expires_at?, note?}`, the amount a text of US dollars, the expiry a
    midnight in the future (Unix seconds, or a date such as 2027-01-01). Raises `invalid_value`."""
    now = control.clock()
    note = given.get("note", UNSET)
    made = CreditGrant(
        ids.new_id(ids.CREDIT_GRANT),
        caller.organization_id,
        amounts.dollars(given.get("amount", UNSET), least=1),
        now,
        _expiry(given.get("expires_at", UNSET), now),
        "" if note is UNSET or note is None or note == "" else fields.name(note, "note"),
    )
    details: dict[str, object] = {
        "amount_nanos": made.amount_nanos, "expires_at": made.expires_at, "note": made.note,
    }  # fmt: skip
    with control.store.write() as tx:
        if len(tx.credit_grants.list(caller.organization_id)) >= MAX_GRANTS:
            raise KeyhouseError(
                ErrorCode.CONFLICT, f"There are {MAX_GRANTS:,} grants already, as many as there may be."
            )
        tx.credit_grants.add(made)
        tx.audit.append(event(caller, now, EventType.CREDIT_GRANT_CREATED, made.id, details=details))
    return made


@needs(Permission.BILLING_READ)
def balance(control: Control, caller: Caller) -> Balance:
    """Where every grant stands now, with every call that is committed."""
    reports.refresh(control.store)
    now = control.clock()
    with control.store.read() as tx:
        grants = tx.credit_grants.list(caller.organization_id)
        costs = daily_costs(tx, caller.organization_id, now - now % DAY + DAY)
    return Balance(standings(grants, payments(grants, costs), now))


def _expiry(value: object, now: int) -> int | None:
    if value is UNSET or value is None:
        return None
    at = _date(value) if isinstance(value, str) else value
    if not isinstance(at, int) or isinstance(at, bool) or at % DAY or not now < at < 2**40:
        said = f", not '{shown(value)}'" if isinstance(value, str) else ""
        message = (
            f"'expires_at' must be a midnight (UTC) in the future: Unix seconds, or a date such as 2027-01-01{said}."
        )
        raise invalid("expires_at", message)
    return at


def _date(text: str) -> int | None:
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
