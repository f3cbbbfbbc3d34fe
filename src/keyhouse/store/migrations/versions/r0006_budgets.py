"""Budgets, alerts at thresholds, and requests for more."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        pass
