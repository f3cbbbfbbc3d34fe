"""The bounded log of refusals."""

from __future__ import annotations

from keyhouse.domain.usage import RefusedCall
from keyhouse.store.contract import Store
from tests.store.makers import ORG, OTHER_ORG, make_refusal


def test_refusals_are_shown_newest_first(store: Store) -> None:
    bare = RefusedCall("req_9", 9, ORG, None, "key_1", None, None, 404, "unknown_route", "No operation at this path.")
    append(store, [make_refusal(1), make_refusal(2), bare], keep=100)
    assert newest(store) == [bare, make_refusal(2), make_refusal(1)]
    with store.read() as transaction:
        assert transaction.refusals.newest(ORG, limit=1) == [bare]


def test_the_oldest_fall_out_of_each_organization_by_itself(store: Store) -> None:
    append(store, [make_refusal(1, OTHER_ORG)], keep=3)
    for number in range(10):
        append(store, [make_refusal(number)], keep=3)
    append(store, [make_refusal(number) for number in range(10, 12)], keep=3)
    assert newest(store) == [make_refusal(11), make_refusal(10), make_refusal(9)]
    assert newest(store, OTHER_ORG) == [make_refusal(1, OTHER_ORG)]


def test_a_batch_larger_than_the_bound_leaves_its_newest(store: Store) -> None:
    append(store, [make_refusal(number) for number in range(10)], keep=2)
    append(store, [], keep=2)
    assert newest(store) == [make_refusal(9), make_refusal(8)]
    append(store, [make_refusal(10)], keep=0)
    assert newest(store) == []


def test_what_a_caller_sent_is_kept_cleaned(store: Store) -> None:
    append(store, [make_refusal(1)._replace(model="a\x00\ud800b")], keep=2)
    assert newest(store)[0].model == "a\ufffd\ufffdb"


def append(store: Store, refusals: list[RefusedCall], keep: int) -> None:
    with store.write() as transaction:
        transaction.refusals.append(refusals, keep)


def newest(store: Store, organization_id: str = ORG) -> list[RefusedCall]:
    with store.read() as transaction:
        return list(transaction.refusals.newest(organization_id))
