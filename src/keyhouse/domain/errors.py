"""Every refusal of Keyhouse: a machine code, an HTTP status and a sentence for a person.

    KeyhouseError       carries an ErrorCode; the faces turn it into OpenAI's error envelope or a line on stderr

Codes are OpenAI's where it has one (`../wire/errors.py` renders them; docs/reference/errors.md is generated from this file).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from keyhouse.domain.keyformat import redact_within


class ErrorCode(Enum):
    """(machine code, HTTP status, when it is used), alphabetical."""

    ALREADY_INITIALISED = ("already_initialised", 409, "The data directory holds a house already")
    BODY_REQUIRED = ("body_required", 400, "The operation needs a JSON body and got none")
    BODY_TOO_LARGE = ("body_too_large", 413, "The body is over `KEYHOUSE_MAX_BODY_BYTES`")
    BODY_TOO_SLOW = ("body_too_slow", 408, "The body arrived below the minimum rate")
    CLIENT_CERTIFICATE_INVALID = (
        "client_certificate_invalid",
        403,
        "The client certificate is expired, or no certificate that is active for the project is behind it",
    )
    CLIENT_CERTIFICATE_REQUIRED = (
        "client_certificate_required",
        403,
        "Certificates are active for the project, and the connection showed none",
    )
    CONFLICT = ("conflict", 409, "The state of the object does not allow the operation")
    COST_UNBOUNDED = (
        "cost_unbounded",
        400,
        "Nobody can tell what the call may cost, and a budget refuses to be passed",
    )
    DUPLICATE_FIELD = ("duplicate_field", 400, "A field that Keyhouse reads occurs twice")
    EXPECTATION_FAILED = ("expectation_failed", 417, "An `Expect` header asks for something else than 100-continue")
    HEADERS_INVALID = ("headers_invalid", 400, "The request head is not valid HTTP/1.1")
    HEADERS_TOO_LARGE = ("headers_too_large", 431, "Too many or too long headers")
    HEAD_TOO_SLOW = ("head_too_slow", 408, "The request head did not end in time")
    IDEMPOTENCY_CONFLICT = (
        "idempotency_conflict",
        409,
        "Another call was made with this `Idempotency-Key` within 24 hours",
    )
    IDEMPOTENCY_RUNNING = (
        "idempotency_running",
        409,
        "The first call with this `Idempotency-Key` is still running; `retry-after` says when to ask again",
    )
    IDEMPOTENCY_UNKEPT = (
        "idempotency_unkept",
        409,
        "The first call with this `Idempotency-Key` was answered and charged, and its answer was not kept",
    )
    INSUFFICIENT_PERMISSIONS = ("insufficient_permissions", 403, "The key lacks the permission for this operation")
    INSUFFICIENT_QUOTA = ("insufficient_quota", 429, "A budget has no room for the call; waiting does not help")
    INTERNAL = ("internal_error", 500, "A fault of Keyhouse; the log has the details")
    INVALID_API_KEY = ("invalid_api_key", 401, "No key, an unknown or wrong one, or one whose life is over")
    INVALID_JSON = ("invalid_json", 400, "The body is not valid JSON")
    INVALID_VALUE = ("invalid_value", 400, "A value is missing, of the wrong type or out of range")
    IP_NOT_AUTHORIZED = (
        "ip_not_authorized",
        401,
        "The key verifies, and its IP allowlist does not hold the client's address",
    )
    KEY_DISABLED = ("api_key_disabled", 401, "The key verifies, and is disabled")
    KEY_QUARANTINED = ("api_key_quarantined", 401, "The key verifies, and is quarantined")
    LEDGER_UNAVAILABLE = ("ledger_unavailable", 503, "Usage cannot be recorded, so no call is served")
    LOCAL_MODEL_UNAVAILABLE = ("local_model_unavailable", 503, "The built-in model is not ready")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "The path exists, the method does not")
    MISMATCHED_ORGANIZATION = ("mismatched_organization", 401, "`OpenAI-Organization` is not the key's organization")
    MISMATCHED_PROJECT = ("mismatched_project", 401, "`OpenAI-Project` is not the key's project")
    MODEL_NOT_ALLOWED = ("model_not_allowed", 403, "The key or its project is restricted to other models")
    MODEL_NOT_FOUND = ("model_not_found", 404, "No upstream serves this model")
    NOT_FOUND = ("not_found", 404, "No such object in this organization")
    NOT_SUPPORTED = ("not_supported", 400, "Known, and not built yet")
    PROJECT_ARCHIVED = ("project_archived", 403, "The key's project is archived")
    RATE_LIMIT_EXCEEDED = (
        "rate_limit_exceeded",
        429,
        "A rate limit would be passed; `retry-after` says when it is not",
    )
    SCHEMA_NEWER = ("schema_newer", 500, "The database was written by a newer Keyhouse")
    SECRETS_MISSING = ("secrets_missing", 500, "A pepper or master key is missing or wrong")
    SERVER_STOPPING = ("server_stopping", 503, "The server is shutting down")
    SERVICE_BUSY = ("service_busy", 503, "Too many connections or calls at once")
    STORE_UNAVAILABLE = ("store_unavailable", 503, "The database cannot be reached, is full or busy")
    TOOL_NOT_ALLOWED = ("tool_not_allowed", 403, "The key's project does not permit a hosted tool that the body names")
    UNKNOWN_ROUTE = ("unknown_route", 404, "No operation at this path")
    UPSTREAM_ERROR = ("upstream_error", 502, "The upstream failed, or answered what the endpoint never answers")
    UPSTREAM_TIMEOUT = ("upstream_timeout", 504, "The upstream did not answer in time")
    UPSTREAM_UNLISTED = ("upstream_unlisted", 400, "The upstream that is named does not list its models")
    UPSTREAM_UNREACHABLE = ("upstream_unreachable", 502, "No connection to the upstream")

    def __init__(self, code: str, status: int, when: str) -> None:
        self.code = code
        self.status = status
        self.when = when

    @property
    def type(self) -> str:
        """OpenAI's coarse error type."""
        if self.status == 429:
            return self.code
        return "server_error" if self.status >= 500 else "invalid_request_error"


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
    """Text of a caller made fit for a sentence: shortened, control characters escaped, secrets redacted."""
    text = redact_within(text)
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)
