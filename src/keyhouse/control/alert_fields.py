"""Where alerts are sent, as callers give it: e-mail addresses, and a webhook."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from keyhouse.control import fields
from keyhouse.control.fields import UNSET
from keyhouse.domain.errors import invalid, shown

MAX_RECIPIENTS = 50
MAX_URL = 2048
_MAX_ADDRESS = 254
_MAX_PREFIX = 100
# One address, nothing around it: no name, no list, nothing that could begin another line of a mail's head.
_ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f._-][^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]*"
)


def channel(value: object, param: str = "notification_channel") -> tuple[tuple[str, ...], str | None]:
    """(recipients, subject prefix) of OpenAI's `{type: "email", recipients, subject_prefix?}`."""
    if value is UNSET:
        raise invalid(param, f"'{param}' is required.")
    if not isinstance(value, Mapping) or set(value) - {"type", "recipients", "subject_prefix"}:
        raise invalid(param, f"'{param}' must be {{type, recipients, subject_prefix}}.")
    if value.get("type") != "email":
        raise invalid(f"{param}.type", f"'{param}.type' must be \"email\".")
    prefix = value.get("subject_prefix")
    return _recipients(value.get("recipients"), f"{param}.recipients"), (
        None if prefix is None else _prefix(prefix, f"{param}.subject_prefix")
    )


def webhook(value: object, param: str = "webhook_url") -> str | None:
    """A URL that is told as well: https, or http to this machine. Null and absent: none."""
    if value is None or value is UNSET:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_URL or not value.isascii() or not value.isprintable():
        raise invalid(param, f"'{param}' must be a URL of at most {MAX_URL:,} printable ASCII characters.")
    try:
        url = urlsplit(value)
        port_fits = url.port is None or url.port > 0
    except ValueError:
        raise invalid(param, f"'{param}' is not a URL.") from None
    host = url.hostname or ""
    if " " in value or not host or not port_fits or url.scheme not in {"http", "https"}:
        raise invalid(param, f"'{param}' must be a URL such as https://example.com/hook.")
    if url.scheme == "http" and not _is_this_machine(host):
        raise invalid(param, f"'{param}' must be https; plain http is for this machine only (localhost, 127.0.0.1).")
    if url.username is not None or url.password is not None or url.fragment:
        raise invalid(param, f"'{param}' must not hold credentials or a fragment.")
    return value


def _recipients(value: object, param: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not 1 <= len(value) <= MAX_RECIPIENTS:
        raise invalid(param, f"'{param}' must be a list of 1 to {MAX_RECIPIENTS} e-mail addresses.")
    return tuple(dict.fromkeys(_address(entry, f"{param}[{i}]") for i, entry in enumerate(value)))


def _address(value: object, param: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > _MAX_ADDRESS or not text.isprintable() or not _ADDRESS.fullmatch(text) or ".." in text:
        raise invalid(
            param, f"'{shown(text)}' is not an e-mail address." if text else f"'{param}' must be an e-mail address."
        )
    return text


def _prefix(value: object, param: str) -> str:
    text = fields.name(value, param)
    if len(text) > _MAX_PREFIX:
        raise invalid(param, f"'{param}' must have 1 to {_MAX_PREFIX} characters.")
    return text


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
