"""Model permissions of a project: which models its keys may call, whatever each key's own list says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from keyhouse.control import fields
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project, require_project
from keyhouse.domain.audit import AuditEvent, EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid
from keyhouse.domain.model_permissions import Mode, ModelPermissions
from keyhouse.domain.projects import Project
from keyhouse.store.contract import ChangeKind

MAX_MODEL_IDS = 1000


@needs(Permission.POLICIES_READ)
def show(control: Control, caller: Caller, project_id: str) -> ModelPermissions:
    """What is set. Raises `not_found` where nothing is."""
    with control.store.read() as tx:
        return _require(require_project(tx, caller, project_id))


@needs(Permission.POLICIES_WRITE)
def put(control: Control, caller: Caller, project_id: str, given: Mapping[str, object]) -> ModelPermissions:
    """Sets or replaces them: `{mode, model_ids}`, in force for every call that comes once this returns."""
    now = control.clock()
    wanted = ModelPermissions(_mode(given.get("mode", UNSET)), _model_ids(given.get("model_ids", UNSET)))
    with control.store.write() as tx:
        project = replace(require_open_project(tx, caller, project_id), model_permissions=wanted)
        tx.projects.save(project)
        tx.audit.append(_event(caller, now, project))
        seq = tx.changes.append(ChangeKind.PROJECT, project.id)
    control.announce(seq)
    return wanted


@needs(Permission.POLICIES_WRITE)
def remove(control: Control, caller: Caller, project_id: str) -> None:
    """Removes them: only a key's own list restricts then. Raises `not_found` where none are set."""
    now = control.clock()
    with control.store.write() as tx:
        project = require_open_project(tx, caller, project_id)
        _require(project)
        project = replace(project, model_permissions=None)
        tx.projects.save(project)
        tx.audit.append(_event(caller, now, project))
        seq = tx.changes.append(ChangeKind.PROJECT, project.id)
    control.announce(seq)


def as_object(permissions: ModelPermissions) -> dict[str, object]:
    """In OpenAI's shape."""
    return {"object": "project.model_permissions", **_facts(permissions)}


def _event(caller: Caller, now: int, project: Project) -> AuditEvent:
    set_ = project.model_permissions
    details: dict[str, object] = {"changes_requested": {"model_permissions": None if set_ is None else _facts(set_)}}
    return event(caller, now, EventType.PROJECT_UPDATED, project.id, project_id=project.id, details=details)


def _facts(permissions: ModelPermissions) -> dict[str, object]:
    return {"mode": permissions.mode.value, "model_ids": list(permissions.model_ids)}


def _require(project: Project) -> ModelPermissions:
    if project.model_permissions is None:
        raise KeyhouseError(ErrorCode.NOT_FOUND, f"No model permissions are set for project '{project.id}'.")
    return project.model_permissions


def _mode(value: object) -> Mode:
    for mode in Mode:
        if value == mode.value:
            return mode
    message = "'mode' is required." if value is UNSET else '\'mode\' must be "allow_list" or "deny_list".'
    raise invalid("mode", message)


def _model_ids(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        message = "'model_ids' is required." if value is UNSET else "'model_ids' must be a list of models' names."
        raise invalid("model_ids", message)
    if len(value) > MAX_MODEL_IDS:
        raise invalid("model_ids", f"'model_ids' must not have more than {MAX_MODEL_IDS} entries.")
    return tuple(dict.fromkeys(fields.model(entry, f"model_ids[{i}]") for i, entry in enumerate(value)))
