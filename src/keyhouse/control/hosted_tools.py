"""Hosted-tool permissions of a project: which tools of an upstream its keys' calls may use. Every tool is enabled at first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.control.fields import UNSET
from keyhouse.control.lookup import require_open_project, require_project
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import invalid
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.projects import Project
from keyhouse.store.contract import ChangeKind


@needs(Permission.POLICIES_READ)
def show(control: Control, caller: Caller, project_id: str) -> Project:
    """The project, which says what it denies."""
    with control.store.read() as tx:
        return require_project(tx, caller, project_id)


@needs(Permission.POLICIES_WRITE)
def update(control: Control, caller: Caller, project_id: str, given: Mapping[str, object]) -> Project:
    """Changes the tools that are given, each as `{"enabled": bool}`; null and absent ones stay as they are.

    In force for every call that comes once this returns. Raises `conflict` for an archived project.
    """
    now = control.clock()
    wanted = {tool: _enabled(tool, given.get(tool.value)) for tool in HostedTool if _is_given(tool, given)}
    facts = {tool.value: {"enabled": enabled} for tool, enabled in wanted.items()}
    details: dict[str, object] = {"changes_requested": {"hosted_tool_permissions": facts}}
    with control.store.write() as tx:
        project = require_open_project(tx, caller, project_id)
        denied = tuple(tool for tool in HostedTool if not wanted.get(tool, tool not in project.denied_tools))
        project = replace(project, denied_tools=denied)
        tx.projects.save(project)
        tx.audit.append(
            event(caller, now, EventType.PROJECT_UPDATED, project.id, project_id=project.id, details=details)
        )
        seq = tx.changes.append(ChangeKind.PROJECT, project.id)
    control.announce(seq)
    return project


def as_object(project: Project) -> dict[str, object]:
    """In OpenAI's shape."""
    return {tool.value: {"enabled": tool not in project.denied_tools} for tool in HostedTool}


def _is_given(tool: HostedTool, given: Mapping[str, object]) -> bool:
    value = given.get(tool.value)
    return value is not UNSET and value is not None


def _enabled(tool: HostedTool, value: object) -> bool:
    if not isinstance(value, Mapping):
        raise invalid(tool.value, f"'{tool.value}' must be null or an object.")
    for name in value:
        if name != "enabled":
            raise invalid(f"{tool.value}.enabled", f"'{tool.value}' has the field 'enabled' and no other.")
    enabled = value.get("enabled")
    if not isinstance(enabled, bool):
        raise invalid(f"{tool.value}.enabled", f"'{tool.value}.enabled' is required, and must be true or false.")
    return enabled
