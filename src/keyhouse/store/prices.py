"""Versions of prices, only ever added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select

from keyhouse.domain.money import Price
from keyhouse.store.rows import values_of
from keyhouse.store.tables import prices

_FIELDS = [column for column in prices.columns if column.name != "seq"]


class SqlPrices:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, prices_: Iterable[Price]) -> None:
        rows = [values_of(price) for price in prices_]
        if rows:
            self._connection.execute(insert(prices), rows)

    def get(self, price_id: str) -> Price | None:
        row = self._connection.execute(select(*_FIELDS).where(prices.c.id == price_id)).one_or_none()
        return None if row is None else Price(**row._mapping)

    def versions(self, model: str | None = None) -> Sequence[Price]:
        query = select(*_FIELDS).order_by(prices.c.model, prices.c.effective_at, prices.c.seq)
        if model is not None:
            query = query.where(prices.c.model == model)
        return [Price(**row._mapping) for row in self._connection.execute(query)]
