"""Every refusal of Keyhouse: a machine code, an HTTP status and a sentence for a person.

    KeyhouseError       carries an ErrorCode; the faces turn it into OpenAI's error envelope or a line on stderr

Codes are OpenAI's where it has one (`../wire/errors.py` renders them; docs/reference/errors.md is generated from this file).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class ErrorCode(Enum):
    """(machine code, HTTP status, OpenAI's error type, when it is used)."""

    ALREADY_INITIALISED = (
        "already_initialised",
        409,
        "invalid_request_error",
        "The data directory holds a house already",
    )
    BODY_REQUIRED = ("body_required", 400, "invalid_request_error", "The operation needs a JSON body and got none")
    BODY_TOO_LARGE = ("body_too_large", 413, "invalid_request_error", "The body is over `KEYHOUSE_MAX_BODY_BYTES`")
    BODY_TOO_SLOW = ("body_too_slow", 408, "invalid_request_error", "The body arrived below the minimum rate")
    CONFLICT = ("conflict", 409, "invalid_request_error", "The state of the object does not allow the operation")
    DUPLICATE_FIELD = ("duplicate_field", 400, "invalid_request_error", "A field that Keyhouse reads occurs twice")
    HEADERS_INVALID = ("headers_invalid", 400, "invalid_request_error", "The request head is not valid HTTP/1.1")
    HEADERS_TOO_LARGE = ("headers_too_large", 431, "invalid_request_error", "Too many or too long headers")
    HEAD_TOO_SLOW = ("head_too_slow", 408, "invalid_request_error", "The request head did not end in time")
    INSUFFICIENT_PERMISSIONS = (
        "insufficient_permissions", 403, "invalid_request_error", "The key lacks the permission for this operation",
    )  # fmt: skip
    INTERNAL = ("internal_error", 500, "server_error", "A fault of Keyhouse; the log has the details")
    INVALID_API_KEY = ("invalid_api_key", 401, "invalid_request_error", "No key, an unknown key or a wrong one")
    INVALID_JSON = ("invalid_json", 400, "invalid_request_error", "The body is not valid JSON")
    INVALID_VALUE = (
        "invalid_value",
        400,
        "invalid_request_error",
        "A value is missing, of the wrong type or out of range",
    )
    KEY_DISABLED = ("api_key_disabled", 401, "invalid_request_error", "The key verifies, and is disabled")
    KEY_EXPIRED = (
        "api_key_expired",
        401,
        "invalid_request_error",
        "The key or this secret of it verifies, and has expired",
    )
    KEY_QUARANTINED = ("api_key_quarantined", 401, "invalid_request_error", "The key verifies, and is quarantined")
    KEY_REVOKED = ("api_key_revoked", 401, "invalid_request_error", "The key verifies, and was revoked")
    LEDGER_UNAVAILABLE = ("ledger_unavailable", 503, "server_error", "Usage cannot be recorded, so no call is served")
    LOCAL_MODEL_UNAVAILABLE = ("local_model_unavailable", 503, "server_error", "The built-in model is not ready")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "invalid_request_error", "The path exists, the method does not")
    MISMATCHED_ORGANIZATION = (
        "mismatched_organization", 401, "invalid_request_error", "`OpenAI-Organization` is not the key's organization",
    )  # fmt: skip
    MISMATCHED_PROJECT = (
        "mismatched_project",
        401,
        "invalid_request_error",
        "`OpenAI-Project` is not the key's project",
    )
    MODEL_NOT_ALLOWED = ("model_not_allowed", 403, "invalid_request_error", "The key is restricted to other models")
    MODEL_NOT_FOUND = ("model_not_found", 404, "invalid_request_error", "No upstream serves this model")
    NOT_FOUND = ("not_found", 404, "invalid_request_error", "No such object in this organization")
    NOT_SUPPORTED = ("not_supported", 400, "invalid_request_error", "Known, and not built yet")
    PROJECT_ARCHIVED = ("project_archived", 403, "invalid_request_error", "The key's project is archived")
    SCHEMA_NEWER = ("schema_newer", 500, "server_error", "The database was written by a newer Keyhouse")
    SECRETS_MISSING = ("secrets_missing", 500, "server_error", "A pepper or master key is missing or wrong")
    SERVER_STOPPING = ("server_stopping", 503, "server_error", "The server is shutting down")
    SERVICE_BUSY = ("service_busy", 503, "server_error", "Too many connections or calls at once")
    STREAM_REVOKED = (
        "api_key_revoked_mid_stream",
        401,
        "invalid_request_error",
        "The key lost its access during the call",
    )
    UNKNOWN_ROUTE = ("unknown_route", 404, "invalid_request_error", "No operation at this path")
    UPSTREAM_ERROR = (
        "upstream_error",
        502,
        "server_error",
        "The upstream failed, or answered what the endpoint never answers",
    )
    UPSTREAM_TIMEOUT = ("upstream_timeout", 504, "server_error", "The upstream did not answer in time")
    UPSTREAM_UNREACHABLE = ("upstream_unreachable", 502, "server_error", "No connection to the upstream")

    def __init__(self, code: str, status: int, type_: str, when: str) -> None:
        self.code = code
        self.status = status
        self.type = type_
        self.when = when


class KeyhouseError(Exception):
    """A refusal. `message` is the sentence a person reads; `param` names the field at fault; `headers` go with the answer."""

    def __init__(
        self, code: ErrorCode, message: str, *, param: str | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.headers = tuple(headers)


def not_found(what: str, identifier: str) -> KeyhouseError:
    """404 for an object that is absent or another organization's: the two are not told apart."""
    return KeyhouseError(ErrorCode.NOT_FOUND, f"No {what} with id '{shown(identifier)}' was found.")


def invalid(param: str, message: str) -> KeyhouseError:
    """400 naming the field at fault."""
    return KeyhouseError(ErrorCode.INVALID_VALUE, message, param=param)


def shown(text: str, limit: int = 80) -> str:
    """Text of a caller made fit for a sentence: shortened, control characters escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)
