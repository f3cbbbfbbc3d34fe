"""The watch: a background thread that fires what is due and keeps the outbox going, until it is closed."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable

import structlog

from keyhouse.domain.notices import NoticeKind
from keyhouse.store.contract import Sealer, Store
from keyhouse.watch.delivery import Deliver
from keyhouse.watch.mail import MailSender, MailServer, no_server
from keyhouse.watch.outbox import Outbox
from keyhouse.watch.signing import Signer
from keyhouse.watch.spend_alerts import fire
from keyhouse.watch.webhook import WebhookSender

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
SHARE = 100
"""One part in so many of a processor goes into looking, and no more."""
LONGEST_PAUSE_SECONDS = 60.0
KEPT_SECONDS = 90 * 86_400
"""So long notices that are done with are shown."""
_PURGE_SECONDS = 3600


def outbox(
    store: Store,
    sealer: Sealer,
    clock: Callable[[], int],
    *,
    smtp_url: str | None = None,
    mail_from: str | None = None,
    webhook_private: bool = False,
    ssl_context: ssl.SSLContext | None = None,
) -> Outbox:
    """The outbox of a house with these settings."""
    webhooks = WebhookSender(Signer(store, sealer, clock), private=webhook_private, ssl_context=ssl_context)
    mail: Deliver = no_server
    if smtp_url is not None and mail_from is not None:
        mail = MailSender(MailServer.parse(smtp_url), mail_from, ssl_context=ssl_context)
    return Outbox(store, clock, {NoticeKind.MAIL: mail, NoticeKind.WEBHOOK: webhooks})


class Watch:
    """`start` it with the gateway, `close` it after the roll-up is closed and before the store is. `clock` gives Unix seconds."""

    def __init__(
        self, store: Store, outbox: Outbox, clock: Callable[[], int], *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._look_seconds = look_seconds
        self._look_at = 0.0  # of the monotonic clock
        self._purged_at = -_PURGE_SECONDS
        self._failures = 0
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keyhouse-watch", daemon=True)
        outbox.on_settled = self._woken.set

    def start(self) -> None:
        """Begins with what a stop or a crash left behind."""
        self._thread.start()

    def wake(self) -> None:
        """Looks at once. Never waits."""
        self._look_at = 0.0
        self._woken.set()

    def close(self) -> None:
        """A last look, so that what was just spent waits in the outbox; gives the attempts that run a little time."""
        self._closing.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._outbox.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.wait(self._round())
            self._woken.clear()
        self._look_at = 0.0
        self._round()

    def _round(self) -> float:
        """Returns the seconds until the next one, unless something happens before."""
        try:
            if time.monotonic() >= self._look_at:
                self._look()
            due = None if self._closing.is_set() else self._outbox.turn()
        except Exception:  # a background loop's border: alerts must go on when the database comes back
            self._failures += 1
            if self._failures == 1:
                _log.exception("spending could not be looked at; alerts wait until it can")
            return self._look_seconds
        if self._failures:
            _log.info("spending is looked at again", failed_rounds=self._failures)
        self._failures = 0
        until_look = self._look_at - time.monotonic()
        return max(min(until_look, until_look if due is None else due - self._clock()), 0)

    def _look(self) -> None:
        self._look_at = time.monotonic() + self._look_seconds
        began, now = time.thread_time(), self._clock()
        fired = fire(self._store, now)
        if fired:
            _log.info("spending has reached thresholds", alerts=fired)
        if abs(now - self._purged_at) >= _PURGE_SECONDS:
            self._purged_at = now
            with self._store.write() as tx:
                tx.notices.purge(now - KEPT_SECONDS)
        pause = min(SHARE * (time.thread_time() - began), LONGEST_PAUSE_SECONDS)
        self._look_at = time.monotonic() + max(pause, self._look_seconds)
