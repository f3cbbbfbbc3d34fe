"""Webhooks: what is posted, and what becomes of receivers that are down, slow, broken or not to be reached."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from keyhouse.domain.notices import Notice, NoticeKind, new_webhook_secret, seal_context
from keyhouse.watch.delivery import NotDeliveredError
from keyhouse.watch.signing import Signer
from keyhouse.watch.webhook import WebhookSender
from tests.docs.fences import fences
from tests.store.makers import ORG, OTHER_ORG
from tests.watch.conftest import NOW, Watched
from tests.watch.receivers import Receiver, raw, running, signature_of, slow, tls_pair

BODY = '{"id": "msg_1", "é": 1}'


def notice(url: str, organization_id: str = ORG) -> Notice:
    return Notice("msg_1", organization_id, NoticeKind.WEBHOOK, url, "alert_1", BODY, NOW, NOW)


def sender(
    watched: Watched, *, private: bool = True, trusting: ssl.SSLContext | None = None, seconds: float = 2.0
) -> WebhookSender:
    signer = Signer(watched.store, watched.vault, watched.clock)
    return WebhookSender(signer, private=private, ssl_context=trusting, seconds=seconds)


def failure(deliver: WebhookSender, url: str) -> NotDeliveredError:
    with pytest.raises(NotDeliveredError) as caught:
        deliver(notice(url))
    return caught.value


def secret_of(watched: Watched, organization_id: str) -> str:
    with watched.store.read() as tx:
        sealed = tx.webhook_secrets.get(organization_id)
    assert sealed is not None
    assert b"whsec_" not in sealed
    return watched.vault.open(sealed, seal_context(organization_id)).decode()


def test_a_webhook_is_posted_signed_by_its_organization_s_secret(watched: Watched) -> None:
    receiver = Receiver(200)
    with running(receiver):
        sender(watched)(notice(receiver.url))
        sender(watched)(notice(receiver.url, OTHER_ORG))
        sender(watched)(notice(receiver.url))
    first, other, again = receiver.posted
    assert (first.path, first.body.decode(), first.headers["content-type"]) == ("/hook?a=1", BODY, "application/json")
    assert (first.headers["webhook-id"], first.headers["webhook-timestamp"]) == ("msg_1", str(NOW))
    secret = secret_of(watched, ORG)
    assert secret != secret_of(watched, OTHER_ORG)
    assert first.headers["webhook-signature"] == signature_of(secret, first) == again.headers["webhook-signature"]
    assert other.headers["webhook-signature"] == signature_of(secret_of(watched, OTHER_ORG), other)


def test_the_documentation_s_receiver_verifies_it_and_no_other(watched: Watched) -> None:
    [snippet] = [fence.code for fence in fences("docs/alerts.md") if fence.language == "python"]
    shown: dict[str, Any] = {}
    exec(snippet, shown)  # noqa: S102 - what a reader copies
    verified = shown["verified"]
    watched.clock.now = int(time.time())
    receiver = Receiver(200)
    with running(receiver):
        sender(watched)(notice(receiver.url))
    [posted] = receiver.posted
    secret = secret_of(watched, ORG)
    assert verified(secret, posted.headers, posted.body)
    assert verified(
        secret, {**posted.headers, "webhook-signature": f"v1,x {posted.headers['webhook-signature']}"}, posted.body
    )
    assert not verified(secret, posted.headers, posted.body + b" ")
    assert not verified(secret, {**posted.headers, "webhook-id": "msg_2"}, posted.body)
    old = str(int(time.time()) - 301)
    assert not verified(secret, {**posted.headers, "webhook-timestamp": old}, posted.body)
    assert not verified(new_webhook_secret(), posted.headers, posted.body)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_2xx_has_taken_it(watched: Watched, status: int) -> None:
    receiver = Receiver(status)
    with running(receiver):
        sender(watched)(notice(receiver.url))
    assert len(receiver.posted) == 1


def test_an_interim_answer_is_not_the_answer(watched: Watched) -> None:
    receiver = Receiver(raw(b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"))
    with running(receiver):
        assert str(failure(sender(watched), receiver.url)) == "The receiver answered 500."


@pytest.mark.parametrize(("status", "final"), [(400, False), (404, False), (410, True), (429, False), (500, False)])
def test_what_it_answers_otherwise_is_a_failure(watched: Watched, status: int, final: bool) -> None:
    receiver = Receiver(status)
    with running(receiver):
        error = failure(sender(watched), receiver.url)
    assert (str(error), error.final) == (f"The receiver answered {status}.", final)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(watched: Watched, status: int) -> None:
    receiver = Receiver(status)
    with running(receiver):
        error = failure(sender(watched), receiver.url)
    assert str(error) == f"The receiver answered {status} with a redirect, which is not followed."
    assert len(receiver.posted) == 1


def test_a_receiver_that_answers_byte_by_byte_is_cut_at_the_deadline(watched: Watched) -> None:
    receiver = Receiver(slow(10))
    with running(receiver):
        began = time.monotonic()
        error = failure(sender(watched, seconds=0.5), receiver.url)
    assert time.monotonic() - began < 5
    assert str(error) == "The receiver did not answer within 0.5 s."


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "The receiver's answer was cut off, or has no end."),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, "The receiver's answer was cut off, or has no end."),
        (b"SSH-2.0-x\r\n\r\n", "The receiver answered what is not HTTP."),
    ],
)
def test_a_broken_answer_is_a_failure(watched: Watched, answer: bytes, sentence: str) -> None:
    receiver = Receiver(raw(answer))
    with running(receiver):
        assert str(failure(sender(watched), receiver.url)) == sentence


def test_a_receiver_that_is_down_is_a_failure(watched: Watched) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert "could not be reached (Connection refused)" in str(failure(sender(watched), url))
    assert "could not be resolved" in str(failure(sender(watched), "https://no.such.host.invalid/"))


def test_tls_is_verified(watched: Watched, tmp_path: Path) -> None:
    server, trusting = tls_pair(tmp_path)
    receiver = Receiver(200, tls=server)
    with running(receiver):
        assert "failed the TLS handshake (self-signed certificate)" in str(failure(sender(watched), receiver.url))
        named = receiver.url.replace("127.0.0.1", "localhost")
        assert "TLS handshake" in str(failure(sender(watched, trusting=trusting), named))
        assert receiver.posted == []
        sender(watched, trusting=trusting)(notice(receiver.url))
    assert len(receiver.posted) == 1


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "[fd00::1]", "0.0.0.0"],
)
def test_only_public_addresses_are_reached_unless_the_operator_says_otherwise(watched: Watched, host: str) -> None:
    receiver = Receiver(200)
    with running(receiver):
        port = receiver.url.partition("127.0.0.1:")[2]
        error = failure(sender(watched, private=False), f"https://{host}:{port}")
    assert "has no address that webhooks may go to" in str(error)
    assert receiver.posted == []


def test_plain_http_goes_to_this_machine_only(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **named: real("192.0.2.1", *rest, **named))
    assert "has no address" in str(failure(sender(watched), "http://localhost/"))


def test_it_connects_to_the_address_that_was_vetted(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers with a public address first and a private one later is asked once."""
    answers = iter(["127.0.0.1", "192.0.2.1"])
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **named: real(next(answers), *rest, **named))
    receiver = Receiver(200)
    with running(receiver):
        sender(watched)(notice(receiver.url.replace("127.0.0.1", "rebinding.example")))
    assert receiver.posted[0].headers["host"].startswith("rebinding.example:")
