"""Through which bucket hours and days are folded."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        pass
