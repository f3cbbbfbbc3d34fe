"""Audit events as JSON-able values, in the shape of OpenAI's audit log. Fields that are ours stand at the end of their object."""

from __future__ import annotations

from keyhouse.domain.audit import Actor, AuditEvent


def audit_event(item: AuditEvent) -> dict[str, object]:
    """An entry; what happened stands under the name of its type. `project` is there for what happened in one."""
    entry: dict[str, object] = {"id": item.id, "type": item.type.value, "effective_at": item.at}
    if item.project_id is not None:
        entry["project"] = {"id": item.project_id, "name": item.project_name}
    object_id = {"id": item.object_id} if item.object_id else {}
    return {**entry, "actor": _actor(item.actor), item.type.value: {**object_id, **item.details}}


def _actor(actor: Actor) -> dict[str, object]:
    """The operator, somebody at the machine, is told as a session of the user `operator`: OpenAI's clients know no other kind."""
    if actor.kind != "api_key":
        user = {"id": "operator"} if actor.kind == "operator" else _user(actor)
        return {"type": "session", "session": {"user": user, "ip_address": actor.address}}
    holder: dict[str, object] = {"type": "user", "user": _user(actor)}
    if actor.service_account_id is not None:
        holder = {"type": "service_account", "service_account": {"id": actor.service_account_id}}
    return {"type": "api_key", "api_key": {"id": actor.key_id, **holder, "ip_address": actor.address}}


def _user(actor: Actor) -> dict[str, object]:
    return {"id": actor.user_id, "email": actor.email}
