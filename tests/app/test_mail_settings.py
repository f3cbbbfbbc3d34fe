"""The mail server's settings: checked at the start, and its password shown nowhere."""

from __future__ import annotations

import pytest

from keyhouse.settings import SettingsError, load

FROM = {"KEYHOUSE_MAIL_FROM": "house@example.com"}


@pytest.mark.parametrize(
    "url",
    [
        "smtps://mail.example.com",
        "smtps://alice:p%40ss@mail.example.com:465",
        "smtp+starttls://alice:x@mail.example.com:587",
        "smtp://mail.example.com:25",
        "smtp://alice:x@127.0.0.1:1025/",
    ],
)
def test_mail_servers_are_taken(url: str) -> None:
    settings, _ = load({"KEYHOUSE_SMTP_URL": url, **FROM})
    assert settings.smtp_url == url


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "https://alice:hunter2@mail.example.com",
        "smtp://alice:hunter2@mail.example.com",
        "smtps://alice:hunter2@",
        "smtps://alice:hunter2@mail.example.com:0",
        "smtps://alice:hunter2@mail.example.com:99999",
        "smtps://alice:hunter2@mail.example.com:x",
        "smtps://alice:hunter2@[::1",
        "smtps://alice:hunter2@mail.example.com/inbox",
        "smtps://alice:hunter2@mail.example.com?tls=no",
        "smtps://alice:hunter2 @mail.example.com",
        "smtps://alice:hünter2@mail.example.com",
        "smtps://alice:hunter2@mail.example.com\r\n",
    ],
)
def test_what_is_no_mail_server_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"KEYHOUSE_SMTP_URL": url, **FROM})
    assert "KEYHOUSE_SMTP_URL" in str(caught.value)
    assert "nter2" not in str(caught.value)


def test_the_password_is_in_no_repr() -> None:
    settings, _ = load({"KEYHOUSE_SMTP_URL": "smtps://alice:hunter2@mail.example.com", **FROM})
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "address", ["house", "a@b@c", "Alice <a@example.com>", "a@example.com\nBcc: x", "a@", "é@x.org"]
)
def test_mail_is_from_one_address(address: str) -> None:
    with pytest.raises(SettingsError, match="KEYHOUSE_MAIL_FROM"):
        load({"KEYHOUSE_SMTP_URL": "smtps://mail.example.com", "KEYHOUSE_MAIL_FROM": address})


@pytest.mark.parametrize("alone", [{"KEYHOUSE_SMTP_URL": "smtps://mail.example.com"}, FROM])
def test_both_are_given_or_none(alone: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="together or not at all"):
        load(alone)
