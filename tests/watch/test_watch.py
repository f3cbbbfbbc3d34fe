"""The whole of it: spending, a thread that sees it, and receivers that are told."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.notices import NoticeState
from keyhouse.store.contract import Store
from keyhouse.watch.notices import KEPT_SECONDS, Watch, outbox
from tests.watch.conftest import DOLLAR, Watched
from tests.watch.receivers import MailSink, Receiver, running


def watch(watched: Watched, sink: MailSink | None = None, store: Store | None = None) -> Watch:
    store = store or watched.store
    smtp = {} if sink is None else {"smtp_url": f"smtp://127.0.0.1:{sink.port}", "mail_from": "house@example.com"}
    box = outbox(store, watched.vault, time_of(watched), webhook_private=True, **smtp)  # type: ignore[arg-type]
    return Watch(store, box, time_of(watched), look_seconds=0.05)


def time_of(watched: Watched) -> Callable[[], int]:
    """The house's clock, which goes on while a test waits."""
    began, at = time.monotonic(), watched.clock.now
    return lambda: at + int(time.monotonic() - began)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_alert_reaches_everybody_once_though_a_receiver_answers_500_first(watched: Watched) -> None:
    receiver, sink = Receiver(500, 200), MailSink()
    watched.alert(webhook_url=receiver.url, recipients=("alice@example.com", "bob@example.com"))
    with running(receiver, sink):
        watching = watch(watched, sink)
        watching.start()
        watched.spend(5 * DOLLAR)
        wait_for(lambda: len(watched.notices()) == 3)
        wait_for(lambda: {n.state for n in watched.notices()} == {NoticeState.DELIVERED})
        watched.spend(5 * DOLLAR)
        time.sleep(0.2)
        watching.close()
    assert sorted(to for to, _ in sink.mails) == ["alice@example.com", "bob@example.com"]
    first, again = receiver.posted
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert first.body == again.body


def test_what_was_fired_before_a_restart_is_delivered_after_it(watched: Watched) -> None:
    sink = MailSink()
    watched.alert()
    watched.spend(5 * DOLLAR)
    with running(sink):
        stopped = watch(watched, sink)
        stopped.start()
        stopped.close()  # its last look fires; whether the mail was on its way by then does not matter
        assert len(watched.notices()) == 1
        restarted = watch(watched, sink, watched.another())
        restarted.start()
        wait_for(lambda: watched.notices()[0].state is NoticeState.DELIVERED)
        restarted.close()
    assert [to for to, _ in sink.mails] == ["alice@example.com"]


def test_without_a_mail_server_the_notice_says_so_and_the_webhook_goes_out(watched: Watched) -> None:
    receiver = Receiver(200)
    watched.alert(webhook_url=receiver.url)
    watched.spend(5 * DOLLAR)
    with running(receiver):
        watching = watch(watched)
        watching.start()
        wait_for(lambda: {n.state for n in watched.notices()} == {NoticeState.DELIVERED, NoticeState.FAILED})
        watching.close()
    assert [n.last_error for n in watched.notices() if n.state is NoticeState.FAILED] == [
        "Not sent: no SMTP server is configured (KEYHOUSE_SMTP_URL)."
    ]
    assert len(receiver.posted) == 1


def test_it_goes_on_when_the_database_comes_back(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.alert()
    watched.spend(5 * DOLLAR)
    asked = []

    def away() -> None:
        asked.append(1)
        raise KeyhouseError(ErrorCode.STORE_UNAVAILABLE, "away")

    watching = watch(watched)
    monkeypatch.setattr(watched.store, "read", away)
    watching.start()
    wait_for(lambda: len(asked) > 1)
    monkeypatch.undo()
    wait_for(lambda: len(watched.notices()) == 1)
    watching.close()


def test_notices_are_forgotten_three_months_after_their_end(watched: Watched) -> None:
    watched.alert()
    watched.spend(5 * DOLLAR)
    first = watch(watched)
    first.start()
    wait_for(lambda: [n.state for n in watched.notices()] == [NoticeState.FAILED])
    first.close()
    watched.clock.now += KEPT_SECONDS + 3600
    second = watch(watched)
    second.start()
    wait_for(lambda: watched.notices() == [])
    second.close()


def test_a_watch_that_never_began_can_be_closed(watched: Watched) -> None:
    watch(watched).close()
