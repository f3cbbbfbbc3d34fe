"""Data retention: whether anything that calls hold may be kept, in the organization and in each project."""

from __future__ import annotations

from dataclasses import replace

from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project, require_organization, require_project
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.data_retention import OF_ORGANIZATIONS, Retention, in_force
from keyhouse.domain.errors import invalid
from keyhouse.store.contract import ChangeKind

TYPE = "retention_type"


@needs(Permission.POLICIES_READ)
def show(control: Control, caller: Caller, project_id: str | None) -> Retention:
    """What is set for a project, or (None) for the organization."""
    with control.store.read() as tx:
        if project_id is None:
            return require_organization(tx, caller).data_retention
        return require_project(tx, caller, project_id).data_retention


@needs(Permission.POLICIES_WRITE)
def set_for_organization(control: Control, caller: Caller, value: object) -> Retention:
    """Sets the organization's, which holds for every project without one of its own, for every call that comes once this
    returns. Where nothing may be kept any more, what was kept is removed."""
    now, wanted = control.clock(), _retention(value, OF_ORGANIZATIONS)
    details: dict[str, object] = {"changes_requested": {"data_retention": wanted.value}}
    with control.store.write() as tx:
        organization = replace(require_organization(tx, caller), data_retention=wanted)
        tx.organizations.save(organization)
        tx.audit.append(event(caller, now, EventType.ORGANIZATION_UPDATED, organization.id, details=details))
        if wanted.keeps_nothing:
            tx.idempotency.forget(organization.id, None)
        seq = tx.changes.append(ChangeKind.ORGANIZATION, organization.id)
    control.announce(seq)
    return wanted


@needs(Permission.POLICIES_WRITE)
def set_for_project(control: Control, caller: Caller, project_id: str, value: object) -> Retention:
    """Sets a project's; as the organization's. Raises `conflict` for an archived project."""
    now, wanted = control.clock(), _retention(value, tuple(Retention))
    details: dict[str, object] = {"changes_requested": {"data_retention": wanted.value}}
    with control.store.write() as tx:
        project = replace(require_open_project(tx, caller, project_id), data_retention=wanted)
        tx.projects.save(project)
        tx.audit.append(
            event(caller, now, EventType.PROJECT_UPDATED, project.id, project_id=project.id, details=details)
        )
        if in_force(require_organization(tx, caller).data_retention, wanted).keeps_nothing:
            tx.idempotency.forget(project.organization_id, project.id)
        seq = tx.changes.append(ChangeKind.PROJECT, project.id)
    control.announce(seq)
    return wanted


def as_object(retention: Retention, project_id: str | None) -> dict[str, object]:
    """In OpenAI's shape."""
    whose = "organization" if project_id is None else "project"
    return {"object": f"{whose}.data_retention", "type": retention.value}


def _retention(value: object, allowed: tuple[Retention, ...]) -> Retention:
    for retention in allowed:
        if value == retention.value:
            return retention
    names = ", ".join(f'"{retention.value}"' for retention in allowed)
    raise invalid(TYPE, f"'{TYPE}' is required." if value is UNSET else f"'{TYPE}' must be one of {names}.")
