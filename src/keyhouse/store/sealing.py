"""What both stores do for the audit log at the end of a transaction that wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection

from keyhouse.store import audit_chain
from keyhouse.store.contract import AuditKeys, Seal, Transaction
from keyhouse.store.transaction import SqlTransaction

Begin = Callable[[], AbstractContextManager[Connection]]


class Sealing:
    """Transactions whose audit events are sealed as soon as there are keys."""

    def __init__(self) -> None:
        self.keys: AuditKeys | None = None
        self._on_sealed: Callable[[Seal], None] = _nothing

    def begin(self, begin: Begin, keys: AuditKeys, on_sealed: Callable[[Seal], None]) -> None:
        """Seals from here on, and what was there before the first seal. `begin` begins a transaction that may write."""
        with begin() as connection:
            made = audit_chain.seal_all(connection, keys)
        self.keys, self._on_sealed = keys, on_sealed
        if made is not None:
            on_sealed(made)

    @contextmanager
    def transaction(self, begin: Begin) -> Iterator[Transaction]:
        with begin() as connection:
            transaction = SqlTransaction(connection, self.keys)
            yield transaction
            made = transaction.audit.seal()
        if made is not None:
            self._on_sealed(made)


def _nothing(_: Seal) -> None:
    pass
