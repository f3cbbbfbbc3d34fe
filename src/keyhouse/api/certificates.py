"""`/v1/organization/certificates`, and the same of projects."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from keyhouse.api.operation import Call, Operation
from keyhouse.control import certificate_objects, certificates
from keyhouse.domain.errors import invalid
from keyhouse.wire.paging import ORDERED, list_envelope, ordered_parameters

_PATH = "/v1/organization/certificates"
_ONE = _PATH + "/{certificate_id}"
_IN_PROJECT = "/v1/organization/projects/{project_id}/certificates"


class _CertificateBody(msgspec.Struct, forbid_unknown_fields=True):
    certificate: Any = UNSET
    name: Any = UNSET


class _NameBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Any = UNSET


class _IdsBody(msgspec.Struct, forbid_unknown_fields=True):
    certificate_ids: Any = UNSET


def list_(call: Call) -> object:
    project_id = call.path.get("project_id")
    page = certificates.list_page(
        call.control, call.caller, project_id, **ordered_parameters(call.query, newest_first=True)
    )
    shown = [certificate_objects.certificate(item, in_project=project_id is not None) for item in page.items]
    return list_envelope(shown, has_more=page.has_more)


def upload(call: Call) -> object:
    made = certificates.upload(call.control, call.caller, call.body.certificate, call.body.name)
    return certificate_objects.certificate(made)


def get(call: Call) -> object:
    wanted = set(call.query.many("include") or ())
    if wanted - {"content"}:
        raise invalid("include", "'include' takes 'content' only.")
    found = certificates.show(call.control, call.caller, call.path["certificate_id"])
    return certificate_objects.certificate(found, with_content=bool(wanted))


def update(call: Call) -> object:
    changed = certificates.update(call.control, call.caller, call.path["certificate_id"], call.body.name)
    return certificate_objects.certificate(changed)


def delete(call: Call) -> object:
    gone = certificates.delete(call.control, call.caller, call.path["certificate_id"])
    return {"object": "certificate.deleted", "id": gone.id}


def activate(call: Call) -> object:
    project_id = call.path.get("project_id")
    done = certificates.activate(call.control, call.caller, project_id, call.body.certificate_ids)
    return certificate_objects.changed(done, "activation", in_project=project_id is not None)


def deactivate(call: Call) -> object:
    project_id = call.path.get("project_id")
    done = certificates.deactivate(call.control, call.caller, project_id, call.body.certificate_ids)
    return certificate_objects.changed(done, "deactivation", in_project=project_id is not None)


OPERATIONS = (
    Operation("GET", _PATH, list_, certificates.list_page, query=ORDERED),
    Operation("POST", _PATH, upload, certificates.upload, body=_CertificateBody),
    Operation("POST", _PATH + "/activate", activate, certificates.activate, body=_IdsBody),
    Operation("POST", _PATH + "/deactivate", deactivate, certificates.deactivate, body=_IdsBody),
    Operation("GET", _ONE, get, certificates.show, query=("include",)),
    Operation("POST", _ONE, update, certificates.update, body=_NameBody),
    Operation("DELETE", _ONE, delete, certificates.delete),
    Operation("GET", _IN_PROJECT, list_, certificates.list_page, query=ORDERED),
    Operation("POST", _IN_PROJECT + "/activate", activate, certificates.activate, body=_IdsBody),
    Operation("POST", _IN_PROJECT + "/deactivate", deactivate, certificates.deactivate, body=_IdsBody),
)
