"""Invoices, credit, and tags for chargeback."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        pass
