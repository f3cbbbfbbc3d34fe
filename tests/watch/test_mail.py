"""Mail, to a server on loopback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from keyhouse.domain.notices import Notice, NoticeKind
from keyhouse.watch.delivery import NotDeliveredError
from keyhouse.watch.mail import MailSender, MailServer
from tests.watch.conftest import NOW
from tests.watch.receivers import MailSink, running, tls_pair


def notice(to: str = "alice@example.com", subject: str = "[House] Spending – «all»") -> Notice:
    text = "Spent: $5.00.\n\n.\n\nÉnd\n"
    return Notice("msg_1", "org-1", NoticeKind.MAIL, to, "alert_1", text, NOW, NOW, subject=subject)


def failure(url: str, to: str = "alice@example.com", **options: object) -> NotDeliveredError:
    with pytest.raises(NotDeliveredError) as caught:
        MailSender(MailServer.parse(url), "house@example.com", **options)(notice(to))  # type: ignore[arg-type]
    return caught.value


def test_a_mail_arrives_as_it_was_written(tmp_path: Path) -> None:
    sink = MailSink()
    with running(sink):
        MailSender(MailServer.parse(f"smtp://127.0.0.1:{sink.port}"), "house@example.com")(notice())
    [(to, mail)] = sink.mails
    assert to == "alice@example.com"
    assert (mail["from"], mail["to"], mail["subject"]) == ("house@example.com", to, "[House] Spending – «all»")
    assert (mail["message-id"], mail["auto-submitted"]) == ("<msg_1@example.com>", "auto-generated")
    assert mail["date"] == "Fri, 15 Jan 2027 08:00:00 -0000"
    assert mail.get_content_type() == "text/plain"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "Spent: $5.00." in body.decode()
    assert "Énd" in body.decode()


@pytest.mark.parametrize(
    "breaker", ["\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\u2028Bcc: x", "\x0bBcc: x"]
)
def test_nothing_that_is_told_becomes_another_header(breaker: str) -> None:
    sink = MailSink()
    with running(sink):
        send = MailSender(MailServer.parse(f"smtp://127.0.0.1:{sink.port}"), "house@example.com")
        send(notice(subject=f"Budget 'x{breaker}'"))
        with pytest.raises(NotDeliveredError) as caught:
            send(notice(to=f"alice@example.com{breaker}" if breaker[0] in "\r\n" else "alice@example.com\r\nBcc: x"))
    [(_, mail)] = sink.mails
    assert mail["bcc"] is None
    assert caught.value.final
    assert not [line for line in sink.lines if line.startswith("RCPT") and "eve" in line]


def test_credentials_go_over_verified_tls(tmp_path: Path) -> None:
    server, trusting = tls_pair(tmp_path)
    login = ("alice@house", "p:w/%1")
    for sink, scheme in (
        (MailSink(tls=server, login=login), "smtps"),
        (MailSink(starttls=server, login=login), "smtp+starttls"),
    ):
        with running(sink):
            url = f"{scheme}://alice%40house:p%3Aw%2F%251@127.0.0.1:{sink.port}"
            MailSender(MailServer.parse(url), "house@example.com", ssl_context=trusting)(notice())
            assert len(sink.mails) == 1
            assert "failed the TLS handshake (self-signed certificate)" in str(failure(url))
            wrong = failure(url.replace("%251", "wrong"), ssl_context=trusting)
        assert str(wrong) == "The mail server refused its user name and password (535)."
        assert len(sink.mails) == 1


def test_a_server_without_starttls_is_told_nothing() -> None:
    sink = MailSink(login=("a", "b"))
    with running(sink):
        error = failure(f"smtp+starttls://a:b@127.0.0.1:{sink.port}")
    assert "STARTTLS" in str(error)
    assert [line for line in sink.lines if line.split()[0] in {"AUTH", "MAIL", "DATA"}] == []


def test_an_address_that_is_refused_for_good_is_given_up_and_another_is_tried_again() -> None:
    sink = MailSink()
    sink.refusals = {"no@example.com": "550 no such user", "full@example.com": "452 mailbox full"}
    with running(sink):
        gone = failure(f"smtp://127.0.0.1:{sink.port}", "no@example.com")
        full = failure(f"smtp://127.0.0.1:{sink.port}", "full@example.com")
    assert (str(gone), gone.final) == ("The mail server answered 550: no such user", True)
    assert (str(full), full.final) == ("The mail server answered 452: mailbox full", False)


def test_a_server_that_is_down_or_silent_is_a_failure() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        assert str(failure(url)) == "The mail server could not be reached (Connection refused)."
        silent.listen()
        assert str(failure(url, seconds=0.2)) == "The mail server did not answer within 0.2 s."


def test_a_server_s_password_is_in_no_repr() -> None:
    assert "hunter2" not in repr(MailServer.parse("smtps://alice:hunter2@example.com"))
