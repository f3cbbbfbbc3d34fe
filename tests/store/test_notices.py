"""The outbox of notices, and the secrets that sign webhooks."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.notices import Notice, NoticeKind, NoticeState
from keyhouse.store.contract import Page, Store
from tests.store.conftest import Reopen
from tests.store.makers import ORG, OTHER_ORG, furnish


def make_notice(number: int, **changes: Any) -> Notice:
    notice = Notice(
        f"msg_{number}", ORG, NoticeKind.WEBHOOK, "https://example.com/hook", "alert_1", '{"é": 1}', 1000 + number, 1000
    )
    return replace(notice, **changes)


def mail(number: int, to: str, **changes: Any) -> Notice:
    return make_notice(number, kind=NoticeKind.MAIL, destination=to, subject="Spent – «all»", **changes)


def test_a_notice_comes_back_as_it_was_stored(store: Store) -> None:
    full = mail(2, "é@example.com", attempts=3, delivered_at=5, failed_at=6, last_error="no", next_attempt_at=None)
    add(store, make_notice(1), full)
    with store.read() as tx:
        assert tx.notices.get(ORG, "msg_1") == make_notice(1)
        assert tx.notices.get(ORG, "msg_2") == full
        assert tx.notices.get(OTHER_ORG, "msg_1") is None
        assert tx.notices.get(ORG, "msg_3") is None


def test_one_notice_of_a_lane_is_claimed_the_longest_due_first(store: Store) -> None:
    other = make_notice(3, destination="https://Other.example/a", next_attempt_at=900)
    same = make_notice(4, destination="https://other.example/b", next_attempt_at=950)
    add(store, make_notice(1), make_notice(2), other, same, mail(5, "a@b.c"), mail(6, "c@d.e", next_attempt_at=2001))
    assert claimed(store, 2000) == ["msg_3", "msg_1", "msg_5"]
    assert claimed(store, 2000) == ["msg_4", "msg_2"]
    assert claimed(store, 2000) == []


def test_busy_lanes_are_left_out_and_the_limit_holds(store: Store) -> None:
    other = make_notice(2, destination="https://other.example", next_attempt_at=900)
    add(store, make_notice(1), other, mail(3, "a@b.c", next_attempt_at=1500))
    with store.write() as tx:
        found = tx.notices.claim(2000, 2060, 1, {"https://other.example"})
    assert [(n.id, n.attempts, n.next_attempt_at) for n in found] == [("msg_1", 1, 2060)]
    assert claimed(store, 2000, limit=1) == ["msg_2"]


def test_a_claim_whose_claimant_died_runs_out(store: Store) -> None:
    add(store, make_notice(1))
    assert claimed(store, 1000, until=1060) == ["msg_1"]
    assert claimed(store, 1059) == []
    assert claimed(store, 1060) == ["msg_1"]
    with store.read() as tx:
        found = tx.notices.get(ORG, "msg_1")
    assert found is not None
    assert found.attempts == 2


def test_two_gateways_never_claim_the_same_notice(opener: Reopen) -> None:
    stores = [opener(), opener()]
    furnish(stores[0])
    add(stores[0], *(make_notice(n, destination=f"https://{n}.example") for n in range(40)))
    found: list[str] = []
    start = threading.Barrier(2)

    def take(store: Store) -> None:
        start.wait()
        while ids := claimed(store, 2000, limit=3):
            found.extend(ids)

    threads = [threading.Thread(target=take, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(f"msg_{n}" for n in range(40))


def test_what_becomes_of_a_notice_is_final_once_it_is_delivered_or_given_up(store: Store) -> None:
    add(store, make_notice(1), make_notice(2), make_notice(3))
    with store.write() as tx:
        tx.notices.put_off("msg_1", 1500, "it answered 500")
        tx.notices.delivered("msg_1", 1501)
        tx.notices.put_off("msg_1", 9000, "too late")
        tx.notices.give_up("msg_2", 1502, "it answered 410")
        tx.notices.delivered("msg_2", 9000)
        tx.notices.put_off("msg_3", 1503, "it is down")
    with store.read() as tx:
        first, second, third = (tx.notices.get(ORG, f"msg_{n}") for n in (1, 2, 3))
        assert tx.notices.next_attempt_at() == 1503
    assert first == make_notice(1, delivered_at=1501, next_attempt_at=None)
    assert second == make_notice(2, failed_at=1502, next_attempt_at=None, last_error="it answered 410")
    assert third == make_notice(3, next_attempt_at=1503, last_error="it is down")
    assert [n.state for n in (first, second, third)] == [
        NoticeState.DELIVERED, NoticeState.FAILED, NoticeState.WAITING,
    ]  # fmt: skip


def test_notices_are_listed_newest_first_by_state_in_pages(store: Store) -> None:
    foreign = make_notice(9, organization_id=OTHER_ORG)
    add(store, make_notice(1), make_notice(2), make_notice(3), foreign)
    with store.write() as tx:
        tx.notices.delivered("msg_2", 1501)
        tx.notices.give_up("msg_3", 1501, "gone")
    with store.read() as tx:
        first = tx.notices.list(ORG, None, Page(limit=2))
        rest = tx.notices.list(ORG, None, Page("msg_2", 2))
        by_state = {s: [n.id for n in tx.notices.list(ORG, s, Page()).items] for s in NoticeState}
        with pytest.raises(KeyhouseError) as caught:
            tx.notices.list(ORG, None, Page("msg_9"))
    assert ([n.id for n in first.items], first.has_more) == (["msg_3", "msg_2"], True)
    assert ([n.id for n in rest.items], rest.has_more) == (["msg_1"], False)
    assert by_state == {
        NoticeState.WAITING: ["msg_1"], NoticeState.DELIVERED: ["msg_2"], NoticeState.FAILED: ["msg_3"],
    }  # fmt: skip
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_VALUE, "after")


def test_only_what_waits_no_more_is_purged(store: Store) -> None:
    add(store, make_notice(1), make_notice(2), make_notice(3))
    with store.write() as tx:
        tx.notices.delivered("msg_1", 1501)
        tx.notices.delivered("msg_3", 1501)
        assert tx.notices.purge(1003) == 1
        assert [n.id for n in tx.notices.list(ORG, None, Page()).items] == ["msg_3", "msg_2"]
        assert tx.notices.next_attempt_at() == 1000
        tx.notices.delivered("msg_2", 1501)
        assert tx.notices.next_attempt_at() is None


def test_something_is_told_for_the_first_time_once_in_a_period(store: Store) -> None:
    for about, period, new in (("b", 0, True), ("b", 0, False), ("b", 86_400, True), ("c", 0, True)):
        with store.write() as tx:
            assert tx.notices.was_told(about, period) is not new
            assert tx.notices.first_time(about, period, 5) is new


def test_an_organization_s_webhook_secret_is_replaced_whole(store: Store) -> None:
    with store.write() as tx:
        assert tx.webhook_secrets.get(ORG) is None
        tx.webhook_secrets.put(ORG, b"\x00one", 1)
        tx.webhook_secrets.put(OTHER_ORG, b"other", 1)
        tx.webhook_secrets.put(ORG, b"two\xff", 2)
    with store.read() as tx:
        assert tx.webhook_secrets.get(ORG) == b"two\xff"
        assert tx.webhook_secrets.get(OTHER_ORG) == b"other"


def add(store: Store, *found: Notice) -> None:
    with store.write() as tx:
        for notice in found:
            tx.notices.add(notice)


def claimed(store: Store, now: int, until: int = 5000, limit: int = 10) -> list[str]:
    with store.write() as tx:
        return [notice.id for notice in tx.notices.claim(now, until, limit)]
