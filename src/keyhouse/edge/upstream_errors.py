"""What a client is told when an upstream failed: mapped once, here; a test holds that none is unmapped."""

from __future__ import annotations

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.upstream import contract

_TOLD: dict[type[contract.UpstreamError], tuple[ErrorCode, str]] = {
    contract.AddressForbidden: (ErrorCode.UPSTREAM_UNREACHABLE, "has an address that it may not have"),
    contract.ConnectRefused: (ErrorCode.UPSTREAM_UNREACHABLE, "cannot be reached: the connection was refused"),
    contract.ConnectTimeout: (ErrorCode.UPSTREAM_TIMEOUT, "cannot be reached: connecting took too long"),
    contract.Dropped: (ErrorCode.UPSTREAM_ERROR, "closed the connection without an answer"),
    contract.FirstByteTimeout: (ErrorCode.UPSTREAM_TIMEOUT, "did not begin its answer in time"),
    contract.IdleTimeout: (ErrorCode.UPSTREAM_TIMEOUT, "stopped in the middle of its answer"),
    contract.MaybeSent: (ErrorCode.UPSTREAM_ERROR, "failed after the request was sent"),
    contract.NotSent: (ErrorCode.UPSTREAM_UNREACHABLE, "cannot be reached"),
    contract.PoolTimeout: (ErrorCode.UPSTREAM_UNREACHABLE, "has no free connection: too many calls at once"),
    contract.ProtocolViolation: (ErrorCode.UPSTREAM_ERROR, "does not speak valid HTTP"),
    contract.TlsFailed: (ErrorCode.UPSTREAM_UNREACHABLE, "cannot be reached: its TLS certificate does not verify"),
    contract.Truncated: (ErrorCode.UPSTREAM_ERROR, "ended its answer before it was whole"),
    contract.UpstreamError: (ErrorCode.UPSTREAM_ERROR, "failed"),
}


def told(error: contract.UpstreamError, upstream: str) -> KeyhouseError:
    """502 or 504 with a sentence; the details of the failure stay in the log."""
    code, what = _TOLD[type(error)]
    return KeyhouseError(code, f"The upstream '{upstream}' {what}.")
