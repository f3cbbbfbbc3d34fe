"""Every setting with its sentence, and the only reader of the environment.

A setting is `KEYHOUSE_<NAME>` in the environment; some are options of `keyhouse up` too, which win. docs/reference/settings.md is
generated from this file.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "KEYHOUSE_"


class SettingsError(Exception):
    """A setting that cannot be used; the message is the sentence to print."""


def _setting(default: Any, sentence: str, parse: Callable[[str], Any] = str, *, secret: bool = False) -> Any:
    """`secret`: the value stands in no sentence and no repr."""
    return field(default=default, repr=not secret, metadata={"sentence": sentence, "parse": parse, "secret": secret})


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(f"it must be between {low:,} and {high:,}")
        return number

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = float(text)
        if not low <= number <= high:
            raise ValueError(f"it must be between {low:g} and {high:g} seconds")
        return number

    return parse


def _choice(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"it must be one of {', '.join(names)}")
        return text

    return parse


def _switch(text: str) -> bool:
    return _choice("on", "off")(text) == "on"


def _not_built(why: str) -> Callable[[str], Any]:
    def parse(text: str) -> None:  # noqa: ARG001 - as every parser is called
        raise ValueError(why)

    return parse


def _smtp_url(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it must be printable ASCII; write what is special in a password as %21 and so on")
    url = urlsplit(text)
    if url.scheme not in {"smtps", "smtp+starttls", "smtp"} or not url.hostname:
        raise ValueError("it must be such as smtps://user:password@mail.example.com:465")
    try:
        port_fits = url.port is None or url.port > 0
    except ValueError:
        port_fits = False
    if not port_fits or url.path not in {"", "/"} or url.query or url.fragment:
        raise ValueError("it holds more than a user, a password, a host and a port between 1 and 65,535")
    if url.scheme == "smtp" and url.username is not None and url.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ValueError("a password is not sent without TLS: use smtps:// or smtp+starttls://")
    return text


def _address(text: str) -> str:
    if (
        not re.fullmatch(r"[!-~]{1,64}@[A-Za-z0-9.-]{1,190}", text)
        or set(text) & set('<>()[],;:\\"')
        or text.count("@") > 1
    ):
        raise ValueError("it must be one e-mail address, such as keyhouse@example.com")
    return text


def _proxies(text: str) -> tuple[str, ...]:
    found = []
    for entry in (part.strip() for part in text.split(",")):
        try:
            network = ipaddress.ip_network(entry)
        except ValueError:
            network = None
        if network is None or "%" in entry:
            raise ValueError(f"'{entry}' is no address and no CIDR such as 10.0.0.0/8, without bits after its prefix")
        carries_ipv4 = isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None
        if network.prefixlen == (96 if carries_ipv4 else 0):
            raise ValueError(f"'{entry}' is everybody, and whoever is believed can choose the address to come from")
        found.append(str(network))
    return tuple(found)


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError("it must be an address such as https://keys.example.com, without user, query or fragment")
    return text.rstrip("/")


def _one_worker(text: str) -> int:
    if int(text) != 1:
        raise ValueError("more than one worker is refused until it is as exact as one")
    return 1


@dataclass(frozen=True, slots=True)
class Settings:
    data: Path = _setting(  # noqa: RUF009 - it makes a field
        Path("keyhouse-data"), "The data directory: databases, secrets, logs, the local model.", Path
    )
    organization: str | None = _setting(
        None,
        "The organization that commands work in, by name or id. Without it, the one that runs the house; a gateway serves all.",
    )
    host: str = _setting("127.0.0.1", "The address to listen on.")
    port: int = _setting(8585, "The port to listen on; 0 lets the system choose.", _whole(0, 65535))
    workers: int = _setting(1, "Worker processes. Only 1 for now.", _one_worker)
    database_url: str | None = _setting(None, "`postgresql://…` to use PostgreSQL instead of the embedded SQLite.")
    valkey_url: str | None = _setting(
        None, "Shared counters for many workers. Refused for now.", _not_built("shared counters are not built yet")
    )
    public_url: str | None = _setting(
        None,
        "Where people reach the house, for links in invitations. `http://HOST:PORT`, or `https` with TLS, if not given.",
        _public_url,
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "Proxies whose `X-Forwarded-For` is believed: addresses and CIDRs, with commas between them.", _proxies
    )
    local_model: bool = _setting(True, "`off` starts without the built-in local models and fetches nothing.", _switch)
    log_level: str = _setting(
        "info", "The least severe level that is logged.", _choice("debug", "info", "warning", "error")
    )
    log_format: str = _setting("console", "`console` for people, `json` for machines.", _choice("console", "json"))
    tls_cert_file: str | None = _setting(None, "PEM certificate chain; with `KEYHOUSE_TLS_KEY_FILE`, serves HTTPS.")
    tls_key_file: str | None = _setting(None, "PEM private key of the certificate.")
    max_body_bytes: int = _setting(64 << 20, "The longest request body that is read.", _whole(1024, 1 << 32))
    max_response_bytes: int = _setting(
        64 << 20, "The longest upstream answer that is not a stream.", _whole(1024, 1 << 32)
    )
    max_headers: int = _setting(100, "The most headers of a request.", _whole(10, 10_000))
    max_header_bytes: int = _setting(64 << 10, "The longest request head, in bytes.", _whole(4096, 1 << 20))
    head_timeout: float = _setting(10.0, "Seconds for a request head to arrive.", _seconds(0.1, 3600))
    body_min_rate: int = _setting(1024, "Bytes a second below which a request body is cut.", _whole(1, 1 << 30))
    keep_alive: float = _setting(75.0, "Seconds that an idle connection stays open.", _seconds(1, 3600))
    max_connections: int = _setting(10_000, "The most connections at once.", _whole(1, 1_000_000))
    max_connections_per_address: int = _setting(5_000, "The most connections of one address.", _whole(1, 1_000_000))
    upstream_connections: int = _setting(1_000, "The most connections to one upstream.", _whole(1, 100_000))
    upstream_pool_timeout: float = _setting(5.0, "Seconds to wait for a free upstream connection.", _seconds(0.01, 600))
    upstream_connect_timeout: float = _setting(10.0, "Seconds to connect to an upstream.", _seconds(0.01, 600))
    upstream_first_byte_timeout: float = _setting(
        600.0, "Seconds for an upstream to begin its answer.", _seconds(0.01, 7200)
    )
    upstream_idle_timeout: float = _setting(
        120.0, "Seconds between two pieces of an upstream's answer.", _seconds(0.01, 7200)
    )
    budget_slice_tokens: int = _setting(
        1_000,
        "Output tokens that a stream reserves at a time under a budget, where the caller declared no bound.",
        _whole(1, 1_000_000),
    )
    idempotency_max_bytes: int = _setting(
        1 << 20,
        "The longest answer that is kept for a retry with the same `Idempotency-Key`; 0 keeps none.",
        _whole(0, 64 << 20),
    )
    smtp_url: str | None = _setting(
        None,
        "The mail server for alerts: `smtps://user:password@host:465`, `smtp+starttls://…:587`, or `smtp://…:25` without TLS. "
        "Together with `KEYHOUSE_MAIL_FROM`.",
        _smtp_url,
        secret=True,
    )
    mail_from: str | None = _setting(None, "The e-mail address that alerts are from.", _address)
    webhook_private: bool = _setting(
        False, "`on` lets webhooks go to private addresses and to this machine, too.", _switch
    )
    audit_anchor_file: Path | None = _setting(  # noqa: RUF009 - it makes a field
        None,
        "A file to which each new head of the audit log's seals is appended. Keep it where this machine can only append.",
        Path,
    )
    keyring_size: int = _setting(20_000, "The most secrets held in memory.", _whole(10, 10_000_000))
    shutdown_grace: float = _setting(30.0, "Seconds that running calls have to end at shutdown.", _seconds(0, 600))

    @property
    def reached_at(self) -> str:
        """Where people reach the house, without a slash at its end."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls_cert_file is None else 'https'}://{host}:{self.port}"


def load(environ: Mapping[str, str], **options: object) -> tuple[Settings, list[str]]:
    """Settings from the environment, with options of the command line (None: not given) on top, and warnings to show.

    Raises `SettingsError` naming the variable, its value and what is wrong with it.
    """
    values: dict[str, Any] = {}
    for entry in fields(Settings):
        name = PREFIX + entry.name.upper()
        given = options.get(entry.name)
        if given is not None:
            values[entry.name] = _parse(entry, f"--{entry.name.replace('_', '-')}", str(given))
        elif environ.get(name):
            values[entry.name] = _parse(entry, name, environ[name])
    settings = Settings(**values)
    if (settings.tls_cert_file is None) != (settings.tls_key_file is None):
        raise SettingsError("KEYHOUSE_TLS_CERT_FILE and KEYHOUSE_TLS_KEY_FILE are given together or not at all.")
    if (settings.smtp_url is None) != (settings.mail_from is None):
        raise SettingsError("KEYHOUSE_SMTP_URL and KEYHOUSE_MAIL_FROM are given together or not at all.")
    return settings, _warnings(environ)


def differing(settings: Settings) -> dict[str, str]:
    """The value, by variable, of every setting that is not the default."""
    given = {field.name: getattr(settings, field.name) for field in fields(Settings)}
    return {PREFIX + f.name.upper(): str(given[f.name]) for f in fields(Settings) if given[f.name] != f.default}


def described() -> list[tuple[str, str, str]]:
    """(variable, default as text, sentence) of every setting, in order."""
    return [(PREFIX + f.name.upper(), _shown(f.default), f.metadata["sentence"]) for f in fields(Settings)]


def _parse(entry: Field[Any], name: str, text: str) -> Any:
    try:
        return entry.metadata["parse"](text)
    except ValueError as error:
        reason = str(error)
        if reason.startswith(("invalid literal", "could not convert")):
            reason = "it must be a number"
        shown = "what it is" if entry.metadata["secret"] else f"'{text}'"
        raise SettingsError(f"{name} cannot be {shown}: {reason}.") from None


def _warnings(environ: Mapping[str, str]) -> list[str]:
    known = [PREFIX + f.name.upper() for f in fields(Settings)]
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            if near:
                found.append(f"{name} is no setting; did you mean {near[0]}?")
    return found


def _shown(default: object) -> str:
    if default is MISSING or default is None or default == ():
        return "not set"
    return {True: "on", False: "off"}.get(default, str(default)) if isinstance(default, bool) else str(default)
