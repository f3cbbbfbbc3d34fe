"""Mail, by the SMTP server that the operator named."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from keyhouse.domain.errors import shown
from keyhouse.domain.notices import Notice
from keyhouse.watch.delivery import SECONDS, NotDeliveredError

_PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    """`scheme`: `smtps` speaks TLS from the start, `smtp+starttls` before anything is told, `smtp` never."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> MailServer:
        """From `smtps://user:password@host:port`, which settings have checked."""
        url = urlsplit(text)
        user = None if url.username is None else unquote(url.username)
        password = None if url.password is None else unquote(url.password)
        return cls(url.scheme, url.hostname or "", url.port or _PORTS[url.scheme], user, password)


class MailSender:
    """`delivery.Deliver` for mail. `sender` is the address that mail is from.

    `ssl_context` is for tests; None verifies against the system's authorities.
    """

    def __init__(
        self,
        server: MailServer,
        sender: str,
        *,
        ssl_context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        self._ssl_context = ssl_context
        self._seconds = seconds

    def __call__(self, notice: Notice) -> None:
        try:
            message = _message(notice, self._sender)
        except (ValueError, MessageError):
            raise NotDeliveredError("The address or the subject is nothing that mail can carry.", final=True) from None
        try:
            with self._connected() as server:
                server.send_message(message, self._sender, [notice.destination])
        except smtplib.SMTPException as error:
            if isinstance(error.__context__, TimeoutError):  # smtplib speaks of a lost connection
                raise self._too_slow() from None
            raise _refused(error) from None
        except TimeoutError:
            raise self._too_slow() from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", None) or error.reason or "no TLS"
            raise NotDeliveredError(f"The mail server failed the TLS handshake ({why}).") from None
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "cut off"
            raise NotDeliveredError(f"The mail server could not be reached ({why}).") from None

    def _too_slow(self) -> NotDeliveredError:
        return NotDeliveredError(f"The mail server did not answer within {self._seconds:g} s.")

    def _connected(self) -> smtplib.SMTP:
        to, context = self._server, self._ssl_context or ssl.create_default_context()
        if to.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(to.host, to.port, timeout=self._seconds, context=context)
        else:
            server = smtplib.SMTP(to.host, to.port, timeout=self._seconds)
        try:
            if to.scheme == "smtp+starttls":
                server.starttls(context=context)
            if to.user is not None:
                server.login(to.user, to.password or "")
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server


NO_SERVER = "Not sent: no SMTP server is configured (KEYHOUSE_SMTP_URL)."


def no_server(_: Notice) -> None:
    """`delivery.Deliver` of a house that names no mail server."""
    raise NotDeliveredError(NO_SERVER, final=True)


def _message(notice: Notice, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = notice.destination
    message["Subject"] = "".join(c if c.isprintable() else " " for c in notice.subject or "")
    message["Date"] = formatdate(notice.created_at)
    # The same at each attempt, so that a receiver knows a double.
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.payload)
    return message


def _refused(error: smtplib.SMTPException) -> NotDeliveredError:
    if isinstance(error, smtplib.SMTPAuthenticationError):  # its text may quote the name
        return NotDeliveredError(f"The mail server refused its user name and password ({error.smtp_code}).")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return NotDeliveredError(_answered(code, said), final=500 <= code < 600)
    if isinstance(error, smtplib.SMTPResponseException):
        return NotDeliveredError(_answered(error.smtp_code, error.smtp_error))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotDeliveredError("The mail server lacks what is needed: STARTTLS, a login, or addresses beyond ASCII.")
    return NotDeliveredError("The mail server ended the connection.")


def _answered(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"The mail server answered {code}: {shown(text, 200)}"
