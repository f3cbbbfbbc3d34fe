"""`postgresql://` URLs, as libpq writes them, in the driver's terms."""

from __future__ import annotations

import ssl
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from keyhouse.domain.errors import KeyhouseError, invalid

_SETTING = "KEYHOUSE_DATABASE_URL"
_KNOWN = {"application_name", "host", "sslmode", "sslrootcert"}
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


def connect_arguments(url: str) -> dict[str, Any]:
    """What pg8000's `connect` takes. Raises `invalid_value` for what is not understood; the sentence never shows the password."""
    parsed = _parsed(url)
    query = {name: value if isinstance(value, str) else value[-1] for name, value in parsed.query.items()}
    unknown = sorted(query.keys() - _KNOWN)
    if unknown:
        raise _refused(f"has the parameter '{unknown[0]}'; known are {', '.join(sorted(_KNOWN))}")
    port = parsed.port or 5432
    host = query.get("host") or parsed.host or "localhost"
    arguments: dict[str, Any] = {
        "user": parsed.username or "postgres",
        "password": parsed.password,
        "database": parsed.database or parsed.username,
        "application_name": query.get("application_name", "keyhouse"),
        "ssl_context": _ssl_context(query),
    }
    if host.startswith("/"):
        return {**arguments, "unix_sock": f"{host}/.s.PGSQL.{port}", "ssl_context": False}
    return {**arguments, "host": host, "port": port}


def shown_url(url: str) -> str:
    """The URL without its password and parameters, for sentences and logs."""
    parsed = _parsed(url)
    return f"postgresql://{parsed.host or ''}{f':{parsed.port}' if parsed.port else ''}/{parsed.database or ''}"


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _refused("is not a URL") from None
    if parsed.drivername not in {"postgres", "postgresql"}:
        raise _refused("must begin with postgresql://")
    return parsed


def _ssl_context(query: dict[str, str]) -> ssl.SSLContext | bool | None:
    """The driver's three ways: False is plain, None is TLS if the server has it, a context is TLS or nothing."""
    mode = query.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise _refused(f"has sslmode '{mode}'; known are {', '.join(_SSL_MODES)}")
    if mode in {"disable", "prefer"}:
        return False if mode == "disable" else None
    try:
        context = ssl.create_default_context(cafile=query.get("sslrootcert"))
    except OSError as error:
        raise _refused(f"names a certificate file that cannot be read ({error.strerror})") from None
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _refused(why: str) -> KeyhouseError:
    return invalid(_SETTING, f"{_SETTING} {why}.")
