"""Changes: how running gateways learn of control's facts; and what secrets hang on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol


class ChangeKind(Enum):
    """What a gateway must look at again. The object id is a key's, project's or organization's, or empty where all are meant."""

    BUDGETS = "budgets"
    CERTIFICATES = "certificates"
    KEY = "key"
    LIMITS = "limits"
    ORGANIZATION = "organization"
    PRICES = "prices"
    PROJECT = "project"
    UPSTREAMS = "upstreams"


class Change(NamedTuple):
    seq: int
    kind: ChangeKind
    object_id: str


class Changes(Protocol):
    """An ordered feed, written in the transaction that makes the change. `seq` grows strictly in commit order."""

    def append(self, kind: ChangeKind, object_id: str) -> int:
        """Returns the seq."""
        ...

    def since(self, seq: int, limit: int = 1000) -> Sequence[Change]: ...
    def head(self) -> int:
        """The greatest seq, 0 if none."""
        ...


class MaterialKind(Enum):
    AUDIT_KEY = "audit_key"
    MASTER_KEY = "master_key"
    PEPPER = "pepper"


class KeyMaterial(NamedTuple):
    """A pepper, master key or audit key that lives outside the database, as the database knows it: its id and a fingerprint."""

    id: str
    kind: MaterialKind
    fingerprint: str
    created_at: int


class Materials(Protocol):
    def add(self, material: KeyMaterial) -> None: ...
    def all(self) -> Sequence[KeyMaterial]: ...
