"""The tables of client certificates, as the code sees them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table

from keyhouse.store.tables import control
from keyhouse.store.types import Text

certificates = Table(
    "certificates",
    control,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.id"), nullable=False),
    Column("name", Text),
    Column("content", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("valid_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_certificates_of_organization", "organization_id", "created_at", "id"),
    Index("ix_certificates_by_fingerprint", "organization_id", "fingerprint", unique=True),
)

certificate_activations = Table(
    "certificate_activations",
    control,
    Column("certificate_id", Text, ForeignKey("certificates.id"), primary_key=True),
    Column("scope_id", Text, primary_key=True),
    Column("activated_at", BigInteger, nullable=False),
    Index("ix_certificate_activations_of_scope", "scope_id"),
)
