"""Answers kept for a retry."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        pass
