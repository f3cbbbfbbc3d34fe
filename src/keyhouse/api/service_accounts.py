"""`/v1/organization/projects/{project_id}/service_accounts`. Verbs on their keys are those of `keys.py`."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.key_bodies import ServiceAccountKeyBody
from keyhouse.api.operation import Call, Operation
from keyhouse.control import keys, objects, service_accounts
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.errors import invalid
from keyhouse.domain.keys import KeyKind
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/projects/{project_id}/service_accounts"
_ONE = _PATH + "/{account_id}"


class _CreateBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    create_service_account_only: Any = None
    role: Any = UNSET


class _UpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    role: Any = UNSET


def list_(call: Call) -> object:
    cut = both_ways_parameters(call.query)
    page = service_accounts.list_page(call.control, call.caller, call.path["project_id"], **cut)
    return list_envelope([objects.service_account(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    alone = call.body.create_service_account_only
    if alone is not None and not isinstance(alone, bool):
        raise invalid("create_service_account_only", "'create_service_account_only' must be true or false.")
    project_id, given = call.path["project_id"], {"role": call.body.role, "with_key": not alone}
    made = service_accounts.create(call.control, call.caller, project_id, call.body.name, **given)
    return objects.service_account_created(made)


def get(call: Call) -> object:
    account_id = call.path["account_id"]
    return objects.service_account(
        service_accounts.show(call.control, call.caller, call.path["project_id"], account_id)
    )


def update(call: Call) -> object:
    project_id, account_id = call.path["project_id"], call.path["account_id"]
    return objects.service_account(
        service_accounts.update(
            call.control, call.caller, project_id, account_id, name=call.body.name, role=call.body.role
        )
    )


def delete(call: Call) -> object:
    service_accounts.delete(call.control, call.caller, call.path["project_id"], call.path["account_id"])
    return objects.deleted("organization.project.service_account", call.path["account_id"])


def create_key(call: Call) -> object:
    """OpenAI requires no body here: a key without a name is called as an account's first one is."""
    given: KeyFields = call.body.fields()
    if given.name is UNSET:
        given = msgspec.structs.replace(call.body, name=service_accounts.FIRST_KEY_NAME).fields()
    holder = Holder(KeyKind.SERVICE_ACCOUNT, call.path["project_id"], service_account_id=call.path["account_id"])
    created = keys.create(call.control, call.caller, holder, given)
    key = created.view.key
    return objects.service_account_key(key.id, key.name, key.created_at, created.value)


OPERATIONS = (
    Operation("GET", _PATH, list_, service_accounts.list_page, query=BOTH_WAYS),
    Operation("POST", _PATH, create, service_accounts.create, body=_CreateBody),
    Operation("GET", _ONE, get, service_accounts.show),
    Operation("POST", _ONE, update, service_accounts.update, body=_UpdateBody),
    Operation("DELETE", _ONE, delete, service_accounts.delete),
    Operation("POST", _ONE + "/api_keys", create_key, keys.create, body=ServiceAccountKeyBody, body_optional=True),
)
