"""How far hours and days are folded from minutes; until here every width was written at every roll-up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keyhouse.store.migrations import Part, concerns

revision = "0004"
down_revision = "0003"

_HOUR = 3600


def upgrade() -> None:
    if not concerns(Part.CONTROL):
        return
    for name in ("hours_before", "days_before"):
        op.add_column("rollup_mark", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    rollups = sa.table("rollups", sa.column("width"), sa.column("bucket"))
    newest = sa.select(sa.func.max(rollups.c.bucket)).where(rollups.c.width == _HOUR).scalar_subquery()
    # Hours and days have every minute there is: they are folded through the newest hour, and what it still gets comes late.
    folded = sa.func.coalesce(newest + _HOUR, 0)
    mark = sa.table("rollup_mark", sa.column("hours_before"), sa.column("days_before"))
    op.execute(mark.update().values(hours_before=folded, days_before=folded))
