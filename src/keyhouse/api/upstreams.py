"""`/v1/organization/upstreams`, an addition of ours. A CA file is a path on the house's machine: it is named in the terminal."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import objects, upstreams
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.wire.paging import BOTH_WAYS, both_ways_parameters, list_envelope

_PATH = "/v1/organization/upstreams"
_ONE = _PATH + "/{upstream_id}"


class _UpstreamBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET
    base_url: Any = UNSET
    key: Any = UNSET
    models: Any = UNSET
    project_id: Any = UNSET

    def fields(self) -> UpstreamFields:
        return UpstreamFields(**msgspec.structs.asdict(self))


def list_(call: Call) -> object:
    page = upstreams.list_page(call.control, call.caller, **both_ways_parameters(call.query))
    return list_envelope([objects.upstream(item) for item in page.items], has_more=page.has_more)


def create(call: Call) -> object:
    made = upstreams.add(call.control, call.caller, call.body.fields(), call.control.list_models)
    return objects.upstream(made.upstream)


def get(call: Call) -> object:
    return objects.upstream(upstreams.show(call.control, call.caller, call.path["upstream_id"]))


def update(call: Call) -> object:
    given, list_models = call.body.fields(), call.control.list_models
    changed = upstreams.update(call.control, call.caller, call.path["upstream_id"], given, list_models)
    return objects.upstream(changed.upstream)


def test(call: Call) -> object:
    tested = upstreams.test(call.control, call.caller, call.path["upstream_id"], call.control.list_models)
    return objects.upstream(tested.upstream)


def delete(call: Call) -> object:
    return objects.deleted("upstream", upstreams.remove(call.control, call.caller, call.path["upstream_id"]).id)


OPERATIONS = (
    Operation("GET", _PATH, list_, upstreams.list_page, query=BOTH_WAYS),
    Operation("POST", _PATH, create, upstreams.add, body=_UpstreamBody),
    Operation("GET", _ONE, get, upstreams.show),
    Operation("POST", _ONE, update, upstreams.update, body=_UpstreamBody),
    Operation("DELETE", _ONE, delete, upstreams.remove),
    Operation("POST", _ONE + "/test", test, upstreams.test),
)
