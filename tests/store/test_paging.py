"""Pages of every list, in both directions, beside a plain list in memory; while objects come and go between two pages."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from keyhouse.domain.audit import OPERATOR, AuditEvent, EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import Page, ScopeFilter, Store
from keyhouse.store.paging import Ordered, next_place, page_in
from keyhouse.store.tables import organizations
from tests.store.listed import KINDS, Kind
from tests.store.makers import ORG, OTHER_ORG, OTHER_PROJECT, PROJECT, make_budget

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
deleting = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.remove], ids=lambda kind: kind.name)


class House:
    """A list of one kind, and the model: ids by place, oldest first."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self.store = store
        self.kind = kind
        self.places = {one: (0, n, "") for n, one in enumerate(self._before())}
        self.added = 0

    def add(self, at: int) -> str:
        self.added += 1
        with self.store.write() as tx:
            made = self.kind.add(tx, self.added, at)
        by_id = self.kind.name != "audit events"
        self.places[made] = (
            1 if self.kind.by_number else at,
            0 if by_id and not self.kind.by_number else self.added,
            made,
        )
        return made

    def remove(self, one: str) -> None:
        assert self.kind.remove is not None
        with self.store.write() as tx:
            self.kind.remove(tx, one)
        del self.places[one]

    def page(self, page: Page) -> tuple[list[str], bool]:
        with self.store.read() as tx:
            found = self.kind.page(tx, page)
        return [item.id for item in found.items], found.has_more

    def ordered(self, *, newest_first: bool) -> list[str]:
        return sorted(self.places, key=self.places.__getitem__, reverse=newest_first or self.kind.newest_first)

    def _before(self) -> list[str]:
        found = self.page(Page(limit=1000))[0]
        return found[::-1] if self.kind.newest_first else found


def modelled(ids: list[str], page: Page) -> tuple[list[str], bool]:
    if page.before is not None:
        end = ids.index(page.before)
        begin = max(end - page.limit, 0)
        return ids[begin:end], begin > 0
    begin = 0 if page.after is None else ids.index(page.after) + 1
    return ids[begin : begin + page.limit], len(ids) > begin + page.limit


@every_kind
def test_every_page_is_that_of_a_plain_list(store: Store, kind: Kind) -> None:
    house = House(store, kind)
    for at in (1005, 1001, 1001, 1003, 1001, 1004, 1001, 1002, 1005):
        house.add(at)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.booleans(), st.sampled_from([None, "after", "before"]), st.integers(0, 8), st.integers(0, 12))
    def same(newest_first: bool, which: str | None, cursor: int, limit: int) -> None:
        ids = house.ordered(newest_first=newest_first)
        at = {} if which is None else {which: ids[cursor % len(ids)]}
        page = Page(limit=limit, newest_first=newest_first, **at)
        assert house.page(page) == modelled(ids, page)

    same()


@every_kind
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_a_walk_sees_once_what_stays_however_much_comes_and_goes(
    store: Store, kind: Kind, newest_first: bool, backward: bool
) -> None:
    house, draw = House(store, kind), random.Random(5)  # noqa: S311 - the same walk each time
    for _ in range(12):
        house.add(draw.randrange(1000, 1005))
    stayed = set(house.places)
    seen: list[str] = []
    for page in _walk(house, newest_first=newest_first, backward=backward):
        seen = [*page, *seen] if backward else [*seen, *page]
        for _ in range(2):
            house.add(draw.randrange(1000, 1005))
        if kind.remove is not None:
            cursor = page[0] if backward else page[-1]
            for gone in {cursor, draw.choice(house.ordered(newest_first=False))}:
                house.remove(gone)
                stayed.discard(gone)
    assert len(seen) == len(set(seen))
    assert stayed <= set(seen)
    assert [one for one in seen if one in house.places] == [
        one for one in house.ordered(newest_first=newest_first) if one in seen
    ]


def _walk(house: House, *, newest_first: bool, backward: bool) -> Iterator[list[str]]:
    """Pages of three, forward from the start or backward from the last object (which it begins with)."""
    cursor, more = None, True
    if backward:
        cursor = house.ordered(newest_first=newest_first)[-1]
        yield [cursor]
    for _ in range(200):
        if not more:
            return
        at = {"before" if backward else "after": cursor}
        found, more = house.page(Page(limit=3, newest_first=newest_first, **at))
        if found:
            cursor = found[0] if backward else found[-1]
            yield found
    raise AssertionError("the walk does not end")


@every_kind
@pytest.mark.parametrize("which", ["after", "before"])
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nothing",
        "key_\x00",
        "\ud800",
        "x" * 10_000,
        "at_",
        "at_x",
        "at_e30",
        "at_" + "A" * 9,
        "at_WzEsImEiLDNd",
        "🔑",
    ],
)
def test_a_cursor_that_names_nothing_is_refused_by_name(unchanged: Store, kind: Kind, which: str, cursor: str) -> None:
    house = House(unchanged, kind)
    with pytest.raises(KeyhouseError) as refused:
        house.page(Page(cursor) if which == "after" else Page(before=cursor))
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, which)


@every_kind
def test_a_page_of_nothing_tells_whether_there_is_anything(store: Store, kind: Kind) -> None:
    house = House(store, kind)
    one, other = house.add(1000), house.add(1000)
    first, last = (found for found in house.ordered(newest_first=False) if found in {one, other})
    assert house.page(Page(limit=0)) == ([], True)
    assert house.page(Page(first, limit=0)) == ([], True)
    assert house.page(Page(house.ordered(newest_first=False)[-1], limit=0)) == ([], False)
    assert house.page(Page(before=last, limit=0)) == ([], True)


@pytest.mark.parametrize("page", [Page(limit=-1), Page(limit=1001), Page("a", before="b")])
def test_limits_out_of_range_and_two_cursors_are_refused(store: Store, page: Page) -> None:
    for kind in KINDS:
        with pytest.raises(KeyhouseError) as refused, store.read() as tx:
            kind.page(tx, page)
        assert refused.value.param == ("limit" if page.after is None else "before")


@deleting
def test_a_deleted_object_of_another_place_is_no_cursor(store: Store, kind: Kind) -> None:
    """An event of the same type elsewhere, and an object that only is elsewhere."""
    house = House(store, kind)
    type_ = EventType.BUDGET_CREATED if kind.name == "budgets" else EventType.SPEND_ALERT_CREATED
    with store.write() as tx:
        for organization, of, event_type in ((OTHER_ORG, "foreign", type_), (ORG, "gone", EventType.PROJECT_CREATED)):
            tx.audit.append(AuditEvent(f"audit_{of}", 1000, organization, event_type, OPERATOR, of, None, {}))
        tx.budgets.add(make_budget(900, scope_id=OTHER_PROJECT))
        tx.audit.append(AuditEvent("audit_900", 1000, ORG, EventType.BUDGET_CREATED, OPERATOR, "budget_900", None, {}))
        with pytest.raises(KeyhouseError):
            tx.budgets.list(ORG, ScopeFilter(None, PROJECT), Page("budget_900"))
    for cursor in ("foreign", "gone"):
        with pytest.raises(KeyhouseError):
            house.page(Page(cursor))


def test_a_place_outlives_its_row(store: Store) -> None:
    """Lists that are continued by `next` name the place behind a page, not an object."""
    listed = Ordered(select(organizations), (organizations.c.created_at, organizations.c.id), organizations.c.id, [])
    with store.read() as tx:
        sql = tx.keys._connection  # type: ignore[attr-defined]
        rows, more = page_in(sql, listed, Page(limit=1))
        place = next_place(rows, more, listed.by)
        assert place is not None
        rest, more = page_in(sql, listed, Page(place, limit=1000))
        assert [row.id for row in (*rows, *rest)] == [ORG, OTHER_ORG]
        assert next_place(rest, more, listed.by) is None
        between = "at_" + base64.urlsafe_b64encode(json.dumps([100, "org-i"]).encode()).decode()
        assert [row.id for row in page_in(sql, listed, Page(between))[0]] == [OTHER_ORG]
        assert [row.id for row in page_in(sql, listed, Page(before=between))[0]] == [ORG]
        for wrong in ([1], [1, 2], ["1", "a"], [True, "a"], [2**64, "a"], [1, "\x00"], {"a": 1}):
            cursor = "at_" + base64.urlsafe_b64encode(json.dumps(wrong).encode()).decode()
            with pytest.raises(KeyhouseError):
                page_in(sql, listed, Page(cursor))
