"""Deliveries: again and again with growing pauses, beside each other, and never lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from keyhouse.domain.notices import Notice, NoticeKind, NoticeState
from keyhouse.watch.delivery import Deliver, NotDeliveredError
from keyhouse.watch.mail import NO_SERVER, no_server
from keyhouse.watch.outbox import CLAIM_SECONDS, KEEP_TRYING_SECONDS, Outbox, pause_after
from tests.store.makers import ORG
from tests.watch.conftest import NOW, Watched


def hook(number: int, host: str = "a.example") -> Notice:
    return Notice(f"msg_{number}", ORG, NoticeKind.WEBHOOK, f"https://{host}/{number}", "alert_1", "{}", NOW, NOW)


@dataclass
class Script:
    """A way of delivering that fails as often as it is told, per host."""

    failures: dict[str, int] = field(default_factory=dict)
    final: bool = False
    taken: list[str] = field(default_factory=list)
    attempts: int = 0

    def __call__(self, notice: Notice) -> None:
        self.attempts += 1
        left = self.failures.get(notice.lane, 0)
        if left:
            self.failures[notice.lane] = left - 1
            raise NotDeliveredError("It answered 500.", final=self.final)
        self.taken.append(notice.id)


def outbox(watched: Watched, deliver: Deliver, lanes: int = 8) -> Outbox:
    kinds = {NoticeKind.WEBHOOK: deliver, NoticeKind.MAIL: no_server}
    return Outbox(watched.store, watched.clock, kinds, jitter=lambda: 0.0, lanes=lanes)


def settle(box: Outbox) -> None:
    """Turns until nothing more is begun now, and waits for what runs."""
    for _ in range(100):
        due = box.turn()
        box.close()
        if due is None or due > box._clock():
            return
    raise AssertionError("the outbox never comes to rest")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_notice_that_is_taken_is_not_sent_again(watched: Watched) -> None:
    script = Script()
    watched.add(hook(1), hook(2))
    settle(outbox(watched, script))
    settle(outbox(watched, script))
    assert script.taken == ["msg_1", "msg_2"]
    assert [(n.state, n.attempts, n.delivered_at) for n in watched.notices()] == [(NoticeState.DELIVERED, 1, NOW)] * 2


def test_a_failure_is_tried_again_after_growing_pauses(watched: Watched) -> None:
    script = Script({"https://a.example": 3})
    watched.add(hook(1))
    box, attempted_at = outbox(watched, script), []
    for _ in range(20):
        before = script.attempts
        settle(box)
        if script.attempts > before:
            attempted_at.append(watched.clock.now - NOW)
        watched.clock.now += 1
    assert attempted_at == [0, 1, 3, 7]
    assert script.taken == ["msg_1"]
    [found] = watched.notices()
    assert (found.attempts, found.last_error, found.state) == (4, None, NoticeState.DELIVERED)


def test_pauses_grow_to_an_hour_and_jitter_takes_off_a_half_at_most() -> None:
    assert [pause_after(n, 0.0) for n in (1, 2, 3, 11, 12, 13, 14, 400)] == [1, 2, 4, 1024, 2048, 3600, 3600, 3600]
    assert {pause_after(13, jitter / 100) for jitter in range(100)} <= set(range(1800, 3601))
    assert pause_after(1, 0.999) == 1


def test_after_three_days_it_is_given_up_and_says_why(watched: Watched) -> None:
    script = Script({"https://a.example": 10**6})
    watched.add(hook(1))
    box = outbox(watched, script)
    while (found := watched.notices()[0]).state is NoticeState.WAITING:
        assert found.next_attempt_at is not None
        watched.clock.now = max(watched.clock.now, found.next_attempt_at)
        settle(box)
    assert found.failed_at is not None
    assert KEEP_TRYING_SECONDS - 3600 <= found.failed_at - NOW <= KEEP_TRYING_SECONDS
    assert (found.last_error, found.attempts == script.attempts) == ("It answered 500.", True)
    assert 80 <= script.attempts <= 90


def test_what_cannot_end_otherwise_is_given_up_at_once(watched: Watched) -> None:
    script = Script({"https://a.example": 1}, final=True)
    mail = Notice("msg_2", ORG, NoticeKind.MAIL, "alice@example.com", "alert_1", "text", NOW, NOW, subject="s")
    watched.add(hook(1), mail)
    settle(outbox(watched, script))
    assert {(n.id, n.state, n.last_error) for n in watched.notices()} == {
        ("msg_1", NoticeState.FAILED, "It answered 500."), ("msg_2", NoticeState.FAILED, NO_SERVER),
    }  # fmt: skip


def test_a_receiver_that_hangs_holds_up_nobody_else(watched: Watched) -> None:
    gate, taken = threading.Event(), []

    def deliver(notice: Notice) -> None:
        if notice.lane == "https://hangs.example":
            gate.wait(20)
        taken.append(notice.id)

    watched.add(*(hook(n, "hangs.example") for n in range(50)), *(hook(n, f"h{n}.example") for n in range(60, 70)))
    box = outbox(watched, deliver, lanes=3)
    while len(taken) < 10:
        box.turn()
        time.sleep(0.005)
    assert taken == [f"msg_{n}" for n in range(60, 70)]
    assert [n.attempts for n in watched.notices()].count(0) == 49, "notices of one lane go one after the other"
    gate.set()
    wait_for(lambda: len(taken) == 11)
    box.close()


def test_what_a_crash_cut_is_sent_again_under_the_same_id(watched: Watched) -> None:
    """The receiver has taken it, and the house dies before it can note that."""
    sent, gate, died = [], threading.Event(), threading.Event()

    def dies(notice: Notice) -> None:
        sent.append(notice.id)
        died.set()
        gate.wait(20)
        raise NotDeliveredError("the dead say nothing")

    watched.add(hook(1))
    outbox(watched, dies).turn()
    assert died.wait(10)
    restarted = Outbox(
        watched.another(), watched.clock, {NoticeKind.WEBHOOK: lambda n: sent.append(n.id)}, jitter=lambda: 0.0
    )
    settle(restarted)
    assert sent == ["msg_1"], "another gateway may be at it"
    watched.clock.now += CLAIM_SECONDS
    settle(restarted)
    assert sent == ["msg_1", "msg_1"]
    gate.set()
    assert watched.notices()[0].state is NoticeState.DELIVERED


def test_a_fault_of_ours_ends_one_attempt_and_not_the_outbox(watched: Watched) -> None:
    calls = []

    def faulty(notice: Notice) -> None:
        calls.append(notice.id)
        if len(calls) == 1:
            raise ZeroDivisionError

    watched.add(hook(1))
    box = outbox(watched, faulty)
    settle(box)
    watched.clock.now += CLAIM_SECONDS
    settle(box)
    assert calls == ["msg_1", "msg_1"]
    assert watched.notices()[0].state is NoticeState.DELIVERED


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_jumps_loses_nothing(watched: Watched, jump: int) -> None:
    script = Script({"https://a.example": 2})
    watched.add(hook(1))
    box = outbox(watched, script)
    settle(box)
    watched.clock.now += jump
    settle(box)
    watched.clock.now = NOW + 7200
    settle(box)
    settle(box)
    watched.clock.now += 10
    settle(box)
    assert script.taken == ["msg_1"]
