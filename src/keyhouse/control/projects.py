"""Projects: the bounds within which keys, service accounts and their usage live."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyhouse.control import fields, project_fields, tags
from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project, require_project
from keyhouse.control.project_fields import NONE_GIVEN, ProjectFields
from keyhouse.domain import ids
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError, invalid
from keyhouse.domain.projects import Project
from keyhouse.store.contract import ChangeKind, Listed, Page


@needs(Permission.PROJECTS_CREATE)
def create(
    control: Control, caller: Caller, name: object, new_tags: object = UNSET, given: ProjectFields = NONE_GIVEN
) -> Project:
    """A new, empty project. Names need not be unique."""
    change, kept = tags.checked(new_tags), project_fields.checked(given)
    now = control.clock()
    project = Project(ids.new_id(ids.PROJECT), caller.organization_id, fields.name(name), now, **kept)
    details: dict[str, object] = {"data": _named(project.name) | project_fields.facts(kept) | tags.facts(change)}
    with control.store.write() as tx:
        tx.projects.add(project)
        for given_tags in change:
            tx.tags.replace(project.organization_id, project.id, given_tags)
        tx.audit.append(
            event(caller, now, EventType.PROJECT_CREATED, project.id, project_id=project.id, details=details)
        )
    return project


@needs(Permission.PROJECT_READ, somewhere=True)
def list_page(
    control: Control,
    caller: Caller,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
    include_archived: bool = False,
    newest_first: bool = False,
) -> Listed[Project]:
    """Projects that the caller may see, oldest first unless said otherwise."""
    page, seen = Page(after, limit, newest_first, before), caller.authority.where(Permission.PROJECT_READ)
    with control.store.read() as tx:
        return tx.projects.list(caller.organization_id, page, include_archived=include_archived, only=seen)


@needs(Permission.PROJECT_READ)
def show(control: Control, caller: Caller, project_id: str) -> Project:
    """One project, archived or not."""
    with control.store.read() as tx:
        return require_project(tx, caller, project_id)


def exists(control: Control, caller: Caller, project_id: str) -> bool:
    """Whether the organization has this project, archived or not."""
    with control.store.read() as tx:
        return tx.projects.get(caller.organization_id, project_id) is not None


@needs(Permission.PROJECT_WRITE)
def rename(control: Control, caller: Caller, project_id: str, name: object) -> Project:
    """Gives the project another name. Raises `conflict` for an archived one."""
    return update(control, caller, project_id, name=fields.name(name))


@needs(Permission.PROJECT_WRITE)
def update(
    control: Control,
    caller: Caller,
    project_id: str,
    *,
    name: object = UNSET,
    new_tags: object = UNSET,
    given: ProjectFields = NONE_GIVEN,
) -> Project:
    """Changes what is given; the rest stays. A name of null stays too. Raises `conflict` for an archived project."""
    now = control.clock()
    change, kept = tags.checked(new_tags), project_fields.checked(given)
    named: dict[str, Any] = {} if name is UNSET or name is None else {"name": fields.name(name)}
    wanted = named | kept
    if not wanted and not change:
        raise invalid("name", "Give something to change: name, external_key_id, residency or tags.")
    facts = _named(**named) | project_fields.facts(kept) | tags.facts(change)
    details: dict[str, object] = {"changes_requested": facts}
    with control.store.write() as tx:
        project = replace(require_open_project(tx, caller, project_id), **wanted)
        tx.projects.save(project)
        for given_tags in change:
            tx.tags.replace(project.organization_id, project.id, given_tags)
        tx.audit.append(
            event(caller, now, EventType.PROJECT_UPDATED, project.id, project_id=project.id, details=details)
        )
    return project


@needs(Permission.PROJECT_WRITE)
def archive(control: Control, caller: Caller, project_id: str) -> Project:
    """Closes the project for good: every key of it is refused once this returns. Archiving twice is the same as once."""
    now = control.clock()
    with control.store.write() as tx:
        project = require_project(tx, caller, project_id)
        if project.is_default:
            raise KeyhouseError(ErrorCode.CONFLICT, "The Default project cannot be archived; revoke its keys instead.")
        project = project if project.archived_at is not None else replace(project, archived_at=now)
        tx.projects.save(project)
        tx.audit.append(event(caller, now, EventType.PROJECT_ARCHIVED, project.id, project_id=project.id))
        seq = tx.changes.append(ChangeKind.PROJECT, project.id)
    control.announce(seq)
    return project


def _named(name: str | None = None) -> dict[str, object]:
    """A name as the audit tells it: OpenAI calls a changed one `title`."""
    return {} if name is None else {"name": name, "title": name}
