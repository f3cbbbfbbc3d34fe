"""A call with an `Idempotency-Key`, as its walk sees it: claim, remember the answer while it leaves, end the claim once.

    asked   no header: nothing here costs anything · a header: `Recording` (it runs) or `Replay` (it is answered from the first)
    whole, begin, add   what the client is sent
    end     keep, when the call completed and its usage row is durable; else let go, so that a retry runs

Only what completed is kept. What a client never got whole (it went away, the stream broke, the gateway stopped) was charged as
far as it was consumed; its retry is a new call. What an upstream refused was not charged, and may fare better the next time.
"""

from __future__ import annotations

from collections.abc import Iterable

from keyhouse.domain.idempotency import HEADER, Claim, checked_key
from keyhouse.edge.exchange import Exchange, Header
from keyhouse.policy.idempotency import Answer, Idempotency, Replay
from keyhouse.policy.keyring import Credential

_NAME = HEADER.encode()
# Each call tells its own of these: they are not part of an answer that is sent again.
_OWN = frozenset((b"openai-organization", b"openai-processing-ms", b"openai-project", b"x-request-id"))
_OWN_PREFIX = b"x-ratelimit-"


async def asked(
    idempotency: Idempotency,
    exchange: Exchange,
    credential: Credential,
    *,
    operation: str,
    request_id: str,
    now: int,
) -> Recording | Replay | None:
    """What the header of a call whose body has arrived asks for; None without one. `now` is in Unix seconds.

    It may wait for the database: what the gate found out about the caller may have changed meanwhile. Raises `invalid_value`
    for a bad header, `idempotency_conflict`, `idempotency_running` and `idempotency_unkept`.
    """
    value = exchange.header(_NAME)
    if value is None:
        return None
    key = checked_key(value)
    body = await exchange.body(exchange.body_size)
    first = await idempotency.claim(credential, key, operation=operation, body=body, request_id=request_id, now=now)
    return first if isinstance(first, Replay) else Recording(idempotency, first)


def replay(exchange: Exchange, headers: Iterable[Header], first: Replay) -> None:
    """Answers with the first call's status and bytes, marked; `headers` are the retry's own."""
    answer = first.answer
    marks = ((b"idempotent-replayed", b"true"), (b"x-original-request-id", first.request_id.encode()))
    told = [*headers, *marks, *answer.headers]
    if answer.streamed:
        exchange.begin(answer.status, told)
        exchange.finish(answer.body)
    else:
        exchange.reply(answer.status, told, answer.body)


class Recording:
    """The answer of a call that has claimed, on its way out. Gives up, and lets go of what it has, beyond the bound."""

    __slots__ = ("_claim", "_headers", "_idempotency", "_left", "_pieces", "_status", "_streamed", "ended")

    def __init__(self, idempotency: Idempotency, claim: Claim) -> None:
        self._idempotency = idempotency
        self._claim = claim
        self._status = 0
        self._headers: list[Header] = []
        self._streamed = False
        self._pieces: list[bytes] = []
        self._left = idempotency.max_bytes
        self.ended = False

    def whole(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        """The answer is this. Headers that each call tells for itself are left out."""
        self._start(status, headers)
        self.add(body)

    def begin(self, status: int, headers: Iterable[Header]) -> None:
        """The answer is a stream; its bytes follow."""
        self._start(status, headers)
        self._streamed = True

    def add(self, data: bytes) -> None:
        """More of the answer's bytes, as the client gets them."""
        self._left -= len(data)
        if self._left >= 0:
            self._pieces.append(data)
        elif self._pieces:
            self._pieces = []

    async def end(self, *, keep: bool, forget: bool = False) -> None:
        """Ends the claim, the first time that it is called: with its answer, or as if it had never been. `forget`: with the fact
        that there was an answer, which is not kept."""
        if self.ended:
            return
        self.ended = True
        if keep:
            await self._idempotency.keep(self._claim, None if forget else self._answer())
        else:
            await self._idempotency.release(self._claim)

    def _start(self, status: int, headers: Iterable[Header]) -> None:
        self._status = status
        self._headers = [h for h in headers if h[0] not in _OWN and not h[0].startswith(_OWN_PREFIX)]

    def _answer(self) -> Answer | None:
        if self._left < 0 or not self._status:
            return None
        return Answer(self._status, self._headers, b"".join(self._pieces), self._streamed)
