"""The schema's history: one line of revisions for both databases.

On SQLite every revision runs once on each of the two files and does there what concerns it; on PostgreSQL it runs once and does
both. Revisions that were released never change; a new one goes on from the last, and `schema.HEAD` names it.
"""

from __future__ import annotations

from enum import Enum

from alembic import op


class Part(Enum):
    """What a database holds of the house."""

    CONTROL = "control"
    LEDGER = "ledger"


def concerns(part: Part) -> bool:
    """Whether the database that is being migrated holds this part."""
    return part in op.get_context().opts["parts"]
