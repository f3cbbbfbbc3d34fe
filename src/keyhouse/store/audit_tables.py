"""The tables beside the audit log, as the code sees them: its seals, and the settings of the last start."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table

from keyhouse.store.tables import control
from keyhouse.store.types import Text

# `marks` are the events' HMACs one after another, 32 bytes each, in the order of their `seq`.
audit_seals = Table(
    "audit_seals",
    control,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("marks", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

settings_seen = Table(
    "settings_seen",
    control,
    Column("name", Text, primary_key=True),
    Column("pepper_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
