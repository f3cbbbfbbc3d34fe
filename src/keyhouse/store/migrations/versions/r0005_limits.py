"""Rate limits of models in projects, and of keys."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        pass
