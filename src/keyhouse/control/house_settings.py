"""The settings of a start, held to those of the last one. Values are remembered as digests only: some are secret."""

from __future__ import annotations

from collections.abc import Mapping

from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.domain.audit import EventType


def remember(control: Control, caller: Caller, given: Mapping[str, str]) -> list[str]:
    """The names of settings that are not what they were at the last start, of which the audit is told. `given`: value by name, of
    those that are not the default."""
    now = control.clock()
    values = {name: ascii(value) for name, value in given.items()}
    digests = {name: control.peppers.digest(value) for name, value in values.items()}
    with control.store.write() as tx:
        seen = tx.settings.all()
        same = {name for name in seen.keys() & values.keys() if control.peppers.verify(values[name], *seen[name])}
        changed = sorted((seen.keys() | values.keys()) - same)
        if changed:
            details: dict[str, object] = {"settings": changed}
            tx.settings.replace(digests)
            tx.audit.append(event(caller, now, EventType.SETTINGS_CHANGED, "", details=details))
    return changed
