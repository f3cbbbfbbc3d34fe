"""Tags in reports. A report is read with the tags that projects and keys have now, whatever they had when calls were made.

1. `tag:team` among the groups tells results apart by the team of the call's key, or of its project where the key has none;
   calls of which neither has one are a group of their own, None.
2. What is grouped by project or key shows all their tags, beside the values by which it is grouped.
3. Tags split sums and never change them: the groups of any tag add up to the report without it.
4. Tags are read in a few statements, however many projects and keys there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from keyhouse.domain.tags import PREFIX
from keyhouse.ledger.report_query import Query
from keyhouse.ledger.rollup import add
from keyhouse.store.contract import RollupKey, RollupSums, Store

Values = tuple[str | None, ...]
"""The values of the tags by which a report is grouped, in the order of its groups."""


class Group(NamedTuple):
    """What a result counts apart: a rollup's key, in which what is not grouped by is '', and the values of tags."""

    key: RollupKey
    values: Values = ()


Rows = Iterable[tuple[Group, RollupSums]]


def tag_names(group_by: Iterable[str]) -> tuple[str, ...]:
    """The names of the tags that are grouped by, each once."""
    return tuple(dict.fromkeys(name.removeprefix(PREFIX) for name in group_by if name.startswith(PREFIX)))


def fields_of(query: Query) -> tuple[str, ...]:
    """The fields that rollups must be read by for the tags of the query."""
    if tag_names(query.group_by):
        return ("project_id", "key_id")
    return ("project_id",) if "api_key_id" in query.group_by else ()


class ReportTags:
    """The tags of one report's groups. `rows` are its sums, read by the fields of the query and by `fields_of` it."""

    def __init__(self, store: Store, query: Query, rows: Iterable[tuple[RollupKey, RollupSums]]) -> None:
        self._query = query
        self._rows = list(rows)
        self._names = tag_names(query.group_by)
        self._shown = {"project_id", "api_key_id"} & set(query.group_by)
        self._values: dict[str, dict[str, str]] = {}
        self._of: dict[str, dict[str, str]] = {}
        self._projects = {key.key_id: key.project_id for key, _ in self._rows}
        if self._names or self._shown:
            self._read(store)

    def groups(self) -> Rows:
        """The sums by the groups that were asked for, in order; None is before every value of a tag."""
        found: dict[Group, RollupSums] = {}
        for key, sums in self._rows:
            group = Group(self._coarse(key), tuple(self._value(name, key) for name in self._names))
            found[group] = add(found[group], sums) if group in found else sums
        return sorted(found.items(), key=lambda item: order(item[0]))

    def shown(self, group: Group) -> dict[str, str | None] | None:
        """The tags of a result, None where nothing is grouped by that has any."""
        if not self._names and not self._shown:
            return None
        tags: dict[str, str | None] = {}
        for object_id in self._objects(group.key):
            tags |= self._of.get(object_id, {})
        return tags | dict(zip(self._names, group.values, strict=True))

    def _read(self, store: Store) -> None:
        wanted = {object_id for key, _ in self._rows for object_id in self._objects(key)}
        with store.read() as tx:
            self._values = {name: tx.tags.values(self._query.organization_id, name) for name in self._names}
            self._of = tx.tags.of(self._query.organization_id, sorted(wanted))

    def _objects(self, key: RollupKey) -> Iterator[str]:
        """Whose tags a result shows, the stronger ones last."""
        if "api_key_id" in self._shown:
            yield key.project_id or self._projects.get(key.key_id, "")
            yield key.key_id
        elif "project_id" in self._shown:
            yield key.project_id

    def _value(self, name: str, key: RollupKey) -> str | None:
        values: Mapping[str, str] = self._values[name]
        own = values.get(key.key_id)
        return values.get(key.project_id) if own is None else own

    def _coarse(self, key: RollupKey) -> RollupKey:
        project_id = key.project_id if "project_id" in self._query.group_by else ""
        key_id = key.key_id if "api_key_id" in self._query.group_by else ""
        return key._replace(project_id=project_id, key_id=key_id)


def order(group: Group) -> tuple[RollupKey, tuple[tuple[bool, str], ...]]:
    """What groups are sorted by."""
    return group.key, tuple((value is not None, value or "") for value in group.values)
