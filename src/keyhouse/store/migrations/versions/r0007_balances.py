"""What is spent of each budget in each period: written with the rows that spend it."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if concerns(Part.LEDGER):
        pass
