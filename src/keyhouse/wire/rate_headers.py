"""The `x-ratelimit-*` headers, as OpenAI writes them: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`."""

from __future__ import annotations

from functools import lru_cache

_NAMES = {
    what: tuple(b"x-ratelimit-%b-%b" % (part, what.encode()) for part in (b"limit", b"remaining", b"reset"))
    for what in ("requests", "tokens")
}


def rate_headers(what: str, limit: int, remaining: int, reset_ms: int) -> list[tuple[bytes, bytes]]:
    """`what` is `requests` or `tokens`; `reset_ms`: until the window is empty if no other call comes."""
    of_limit, of_remaining, of_reset = _NAMES[what]
    return [(of_limit, b"%d" % limit), (of_remaining, b"%d" % remaining), (of_reset, _duration(reset_ms))]


def duration(milliseconds: int) -> str:
    """`120ms`, `1.5s`, `6m0s`, `23h59m59s`."""
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:g}s"
    minutes, seconds = divmod(-(-milliseconds // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s"


@lru_cache(2048)
def _duration(milliseconds: int) -> bytes:
    # A window that is in use is empty a minute and at most a second from now: that is a thousand values.
    return duration(milliseconds).encode()
