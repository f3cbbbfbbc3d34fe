"""`/v1/organization/credit_grants` and `/v1/organization/credit_balance`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import credit, invoice_objects


class _GrantBody(msgspec.Struct, forbid_unknown_fields=True):
    amount: Any = UNSET
    expires_at: Any = UNSET
    note: Any = UNSET


def create(call: Call) -> object:
    return invoice_objects.grant(credit.grant(call.control, call.caller, msgspec.structs.asdict(call.body)))


def balance(call: Call) -> object:
    return invoice_objects.balance(credit.balance(call.control, call.caller))


OPERATIONS = (
    Operation("POST", "/v1/organization/credit_grants", create, credit.grant, body=_GrantBody),
    Operation("GET", "/v1/organization/credit_balance", balance, credit.balance),
)
