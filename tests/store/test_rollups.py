"""Rollups: added exactly once, summed as reports ask."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from keyhouse.store.contract import RollupFilter, RollupKey, RollupSums, Store, Width
from tests.store.makers import ORG, OTHER_ORG, rollup_key, rollup_sums

ALL = RollupFilter(ORG, 0, 10**10)


def test_sums_are_added_to_what_is_there(store: Store) -> None:
    apply(store, 10, {rollup_key(): rollup_sums(1), rollup_key(3600): rollup_sums(5)})
    apply(store, 20, {rollup_key(): rollup_sums(2)})
    assert requests(store, ()) == [3, 5]
    with store.read() as transaction:
        [(key, sums), _] = transaction.rollups.sum(Width.HOUR, ALL, ())
    assert key == RollupKey(0, *[""] * 11)
    assert sums == RollupSums(3, 24, 2, 0, 68, 4, 0, 0, 20, 4, 6, 0, 0)


def test_the_mark_moves_with_the_sums_and_a_repetition_adds_nothing(store: Store) -> None:
    assert mark(store) == 0
    for _ in range(2):
        apply(store, 10, {rollup_key(): rollup_sums(1)})
    apply(store, 9, {rollup_key(): rollup_sums(1)})
    assert (mark(store), requests(store, ())) == (10, [1])
    apply(store, 11, {})
    assert mark(store) == 11


def test_an_undone_transaction_leaves_neither_sums_nor_mark(store: Store) -> None:
    with suppress(ZeroDivisionError), store.write() as transaction:
        transaction.rollups.apply(10, {rollup_key(): rollup_sums()})
        raise ZeroDivisionError
    assert (mark(store), requests(store, ())) == (0, [])


def test_each_width_has_buckets_of_its_own(store: Store) -> None:
    apply(store, 5, {rollup_key(n * 60): rollup_sums(1) for n in range(0, 60 * 24 * 2, 30)})
    with store.read() as transaction:
        found = [[key.bucket for key, _ in transaction.rollups.sum(width, ALL, ())] for width in Width]
    assert found == [list(range(0, 2 * 86400, 1800)), list(range(0, 2 * 86400, 3600)), [0, 86400]]


def test_groups_are_ordered_by_bucket_then_by_the_fields_in_their_order(store: Store) -> None:
    keys = [
        rollup_key(bucket, model=model, project_id=project)
        for bucket in (3600, 0)
        for model in ("b", "B", "a")
        for project in ("proj_2", "proj_1")
    ]
    apply(store, 1, {key: rollup_sums() for key in keys})
    with store.read() as transaction:
        rows = transaction.rollups.sum(Width.HOUR, ALL, ("model", "project_id"))
        by_model = transaction.rollups.sum(Width.HOUR, ALL._replace(end=3600), ("bucket", "model"))
    groups = [(key.bucket, key.model, key.project_id) for key, _ in rows]
    assert groups == sorted(groups)
    assert len(groups) == 12
    assert [(key.model, sums.requests) for key, sums in by_model] == [("B", 2), ("a", 2), ("b", 2)]
    assert all(key._replace(bucket=0, model="") == RollupKey(0, *[""] * 11) for key, _ in by_model)


def test_every_field_of_the_key_counts_apart(store: Store) -> None:
    others: list[dict[str, Any]] = [{name: "other"} for name in RollupKey._fields[1:]]
    keys = [rollup_key(), *(rollup_key(**other) for other in others)]
    apply(store, 1, {key: rollup_sums() for key in keys})
    with store.read() as transaction:
        found = transaction.rollups.sum(Width.HOUR, ALL, RollupKey._fields[1:])
    assert {key for key, _ in found} == {key for key in keys if key.organization_id == ORG}


def test_filters_restrict_and_an_empty_one_allows_nothing(store: Store) -> None:
    apply(
        store,
        1,
        {
            rollup_key(): rollup_sums(1),
            rollup_key(3600): rollup_sums(2),
            rollup_key(7200): rollup_sums(4),
            rollup_key(3600, project_id="p", user_id="u", key_id="k", model="m", operation="o"): rollup_sums(8),
            rollup_key(3600, organization_id=OTHER_ORG): rollup_sums(16),
        },
    )
    assert requests(store, (), ALL._replace(start=3600, end=7200)) == [10]
    assert requests(store, (), ALL._replace(organization_id=OTHER_ORG)) == [16]
    one: dict[str, Any] = {"project_ids": "p", "user_ids": "u", "key_ids": "k", "models": "m", "operations": "o"}
    for name, value in one.items():
        some: dict[str, Any] = {name: (value, "none")}
        none: dict[str, Any] = {name: ()}
        assert requests(store, (), ALL._replace(**some)) == [8]
        assert requests(store, (), ALL._replace(**none)) == []
    assert requests(store, (), ALL._replace(models=("gpt-4o",), start=3600, end=3601)) == [2]


def test_sums_of_billions_of_dollars_are_exact_integers(store: Store) -> None:
    apply(store, 1, {rollup_key(): rollup_sums(1, 2**62), rollup_key(model="other"): rollup_sums(1, 2**61 + 1)})
    with store.read() as transaction:
        [(_, sums)] = transaction.rollups.sum(Width.HOUR, ALL, ())
    assert sums.cost_input_nanos == 2**62 + 2**61 + 1
    assert all(type(number) is int for number in sums)


def test_a_name_of_any_length_and_kind_is_counted(store: Store) -> None:
    """Where a glob allows everything a caller names the model as it likes; the database's limits are not its business."""
    long = "\U0001f511" * 5000
    apply(store, 1, {rollup_key(model=long + "1"): rollup_sums(1), rollup_key(model=long + "2"): rollup_sums(2)})
    apply(store, 2, {rollup_key(model="a\x00\ud800"): rollup_sums(4), rollup_key(3600): rollup_sums(8)})
    assert requests(store, ("model",)) == [4, 3, 8]


def test_thousands_of_sums_are_applied_at_once(store: Store) -> None:
    for round_ in (1, 2):
        apply(store, round_, {rollup_key(key_id=f"key_{n}"): rollup_sums() for n in range(3000)})
    assert requests(store, ()) == [6000]


def apply(store: Store, through_seq: int, sums: Mapping[RollupKey, RollupSums]) -> None:
    with store.write() as transaction:
        transaction.rollups.apply(through_seq, sums)


def mark(store: Store) -> int:
    with store.read() as transaction:
        return transaction.rollups.mark()


def requests(store: Store, group_by: tuple[str, ...], where: RollupFilter = ALL) -> list[int]:
    with store.read() as transaction:
        return [sums.requests for _, sums in transaction.rollups.sum(Width.HOUR, where, group_by)]
