"""What is to be told to somebody outside: mail and webhooks."""

from __future__ import annotations

from keyhouse.store.migrations import Part, concerns

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    if concerns(Part.CONTROL):
        pass
