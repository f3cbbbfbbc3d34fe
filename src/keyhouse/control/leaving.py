"""What becomes of the keys of a person who leaves a project or the organization: they are disabled, for whoever takes over."""

from __future__ import annotations

from dataclasses import dataclass

from keyhouse.control.context import Caller
from keyhouse.control.events import event
from keyhouse.control.pages import every
from keyhouse.domain import keys as life
from keyhouse.domain.audit import EventType
from keyhouse.domain.keys import Key, KeyKind, KeyStatus
from keyhouse.store.contract import ChangeKind, KeyFilter, Transaction


@dataclass(frozen=True, slots=True)
class Left:
    """The keys that are disabled now, and the number of the last change to announce (0: there is none)."""

    keys: tuple[Key, ...]
    seq: int


def disable_keys(tx: Transaction, caller: Caller, user_id: str, now: int, project_id: str | None = None) -> Left:
    """Disables every active key of a person, in one project or (None) in the whole organization, admin keys too."""
    where = KeyFilter(project_id, (KeyKind.USER,) if project_id else (KeyKind.ADMIN, KeyKind.USER), user_id=user_id)
    found = list(every(lambda cut: tx.keys.list(caller.organization_id, where, cut), lambda key: key.id))
    disabled: list[Key] = []
    seq = 0
    details: dict[str, object] = {"action": "disabled", "reason": "its person left"}
    for key in found:
        if key.status(now) is KeyStatus.ACTIVE:
            disabled.append(life.disabled(key, now))
            type_ = EventType.ADMIN_KEY_UPDATED if key.kind is KeyKind.ADMIN else EventType.API_KEY_UPDATED
            tx.keys.save(disabled[-1])
            tx.audit.append(event(caller, now, type_, key.id, project_id=key.project_id, details=details))
            seq = tx.changes.append(ChangeKind.KEY, key.id)
    return Left(tuple(disabled), seq)
