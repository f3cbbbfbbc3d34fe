"""Sums of usage per bucket: what every report reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Width
from keyhouse.store.rollup_folds import Piece, bucket_of, fold_some, marks_of, move_marks, pieces_of
from keyhouse.store.rollup_upserts import row_of, upsert
from keyhouse.store.tables import rollups
from keyhouse.store.types import clean

# A primary key on PostgreSQL holds 2,704 bytes; names that callers and upstreams made up are cut well below.
_MAX_NAME = 128
_ROWS_A_STATEMENT = 1000
_NO_GROUP = RollupKey(0, *[""] * (len(RollupKey._fields) - 1))
_FILTERS = {
    "project_ids": "project_id",
    "user_ids": "user_id",
    "key_ids": "key_id",
    "models": "model",
    "operations": "operation",
}

_Sums = Mapping[RollupKey, RollupSums]
_Found = Sequence[tuple[RollupKey, RollupSums]]


class SqlRollups:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, through_seq: int, minutes: _Sums) -> None:
        marks = marks_of(self._connection)
        if through_seq <= marks.through_seq:
            return
        fitted = _fitted(minutes)
        self._add(Width.MINUTE, fitted)
        self._add(Width.HOUR, _late(fitted, marks.hours_before, Width.HOUR))
        self._add(Width.DAY, _late(fitted, marks.days_before, Width.DAY))
        move_marks(self._connection, through_seq=through_seq)

    def mark(self) -> int:
        return marks_of(self._connection).through_seq

    def fold(self, until: int) -> bool:
        return fold_some(self._connection, until)

    def folded_before(self) -> int:
        return marks_of(self._connection).hours_before

    def sum(self, width: Width, where: RollupFilter, group_by: tuple[str, ...]) -> _Found:
        names = [name for name in group_by if name != "bucket"]
        pieces = pieces_of(width, where.start, where.end, marks_of(self._connection))
        found = [self._sum(piece, width, where, names) for piece in pieces]
        return found[0] if len(found) == 1 else _joined(found, names)

    def _sum(self, piece: Piece, width: Width, where: RollupFilter, names: Sequence[str]) -> _Found:
        bucket = rollups.c.bucket if piece.width is width else bucket_of(width)
        groups = [bucket, *(rollups.c[name] for name in names)]
        totals = [func.sum(rollups.c[name]) for name in RollupSums._fields]
        query = select(*groups, *totals).where(_matches(piece, where)).group_by(*groups).order_by(*groups)
        return [_summed(names, row) for row in self._connection.execute(query)]

    def _add(self, width: Width, by_key: _Sums) -> None:
        items = iter(by_key.items())
        # In slices, so that a million sums are never in memory twice.
        while rows := [row_of(width, key, sums) for key, sums in islice(items, _ROWS_A_STATEMENT)]:
            upsert(self._connection, rows)


def _fitted(by_key: _Sums) -> _Sums:
    """The sums under keys that fit the table; keys that thereby become one are added up."""
    texts: set[str] = set()
    for key in by_key:
        texts.update(key[1:])
    shortened = {text: cut for text in texts if (cut := clean(text)[:_MAX_NAME]) != text}
    if not shortened:
        return by_key
    return _added_up(
        (RollupKey(long.bucket, *(shortened.get(text, text) for text in long[1:])), sums)
        for long, sums in by_key.items()
    )


def _late(minutes: _Sums, before: int, width: Width) -> _Sums:
    """What belongs to buckets of this width that have, or had, their minutes already."""
    seconds = width.value
    late = ((key, sums) for key, sums in minutes.items() if key.bucket < before)
    return _added_up((key._replace(bucket=key.bucket - key.bucket % seconds), sums) for key, sums in late)


def _joined(pieces: Sequence[_Found], names: Sequence[str]) -> _Found:
    """One answer in the order of the groups; a bucket in which a mark lies is in two pieces."""
    found = _added_up(chain.from_iterable(pieces))
    return sorted(found.items(), key=lambda item: (item[0].bucket, *(getattr(item[0], name) for name in names)))


def _added_up(items: Iterable[tuple[RollupKey, RollupSums]]) -> dict[RollupKey, RollupSums]:
    found: dict[RollupKey, RollupSums] = {}
    for key, sums in items:
        known = found.get(key)
        found[key] = sums if known is None else RollupSums(*map(add, known, sums))
    return found


def _matches(piece: Piece, where: RollupFilter) -> ColumnElement[bool]:
    conditions = [
        rollups.c.width == piece.width.value,
        rollups.c.organization_id == where.organization_id,
        rollups.c.bucket >= piece.start,
        rollups.c.bucket < piece.end,
    ]
    for name, column in _FILTERS.items():
        allowed = getattr(where, name)
        if allowed is not None:
            conditions.append(rollups.c[column].in_(allowed))
    return and_(*conditions)


def _summed(names: Sequence[str], row: Sequence[Any]) -> tuple[RollupKey, RollupSums]:
    """A row of sums; PostgreSQL's sums of bigint are decimals."""
    groups, totals = row[1 : len(names) + 1], row[len(names) + 1 :]
    key = _NO_GROUP._replace(bucket=row[0], **dict(zip(names, groups, strict=True)))
    return key, RollupSums(*map(int, totals))
