"""Which call runs, and which is answered from an earlier one: claims of idempotency keys, and the answers that are kept.

1. Of all calls with one key one runs at a time. It either keeps its answer, or lets go of its claim so that a retry runs.
2. An answer is kept when it is whole and its usage row is durable, before its last byte leaves: who has it all can have it again.
3. A claim does not outlive its gateway: what another one ran is released when this one starts.
4. Only calls with the header come here. The store and the cipher work in a worker thread, never in the event loop.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import msgspec
import structlog

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.idempotency import Claim, ClaimState, First, body_digest, key_digest
from keyhouse.policy.keyring import Credential
from keyhouse.store.contract import Sealer, Store, Transaction

_log = structlog.get_logger(__name__)
_RUNNING_SECONDS = 1
"""When the caller of a call that is still running is told to ask again."""
_TEND_SECONDS = 5.0
_PURGED_AT_ONCE = 100


class Answer(NamedTuple):
    """What a client was sent, but for the headers that are each call's own."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    streamed: bool = False


class Replay(NamedTuple):
    """The answer of the first call, whose request id this is."""

    answer: Answer
    request_id: str


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Answer).decode
End = Callable[[Transaction], None]
"""How a claim ends in the store."""


class Idempotency:
    """`executor` runs what waits for the store; `max_bytes` is the longest body that is kept."""

    def __init__(self, store: Store, sealer: Sealer, executor: Executor, *, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._store = store
        self._sealer = sealer
        self._executor = executor
        self._holder = secrets.token_hex(8)
        self._unended: list[End] = []
        """What the store was away for; `tend` does it again."""

    def release_of_others(self) -> int:
        """Releases the claims that a gateway which is gone has left; how many. Blocks; before the first call is served."""
        with self._store.write() as transaction:
            return transaction.idempotency.release_of_others(self._holder)

    async def claim(
        self, credential: Credential, idempotency_key: bytes, *, operation: str, body: bytes, request_id: str, now: int
    ) -> Claim | Replay:
        """The right to run this call, to be ended by `keep` or `release`; or the first call's answer.

        `body` is what the client sent, `now` in Unix seconds. Raises `idempotency_conflict`, `idempotency_running`,
        `idempotency_unkept`, and what the store raises.
        """

        def claim() -> Claim | Replay:
            digest = key_digest(credential.key_id, idempotency_key)
            told = body_digest(idempotency_key, operation, body)
            wanted = Claim(credential.organization_id, credential.key_id, digest, told, request_id, now)
            try:
                with self._store.write() as transaction:
                    first = transaction.idempotency.claim(wanted, self._holder)
            except KeyhouseError:  # the claim may have come in all the same: nobody would end it
                self._unended.append(lambda transaction: transaction.idempotency.release(wanted))
                raise
            return wanted if first is None else self._replay(wanted, first)

        working = asyncio.get_running_loop().run_in_executor(self._executor, claim)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            working.add_done_callback(self._let_go)
            raise

    async def keep(self, claim: Claim, answer: Answer | None) -> None:
        """Ends the claim with its answer; None, or one that is too long: with the fact that there was one. A store that is
        away does not stop the call: the fact is stored when it is back."""

        def keep() -> None:
            sealed = None
            if answer is not None and len(answer.body) <= self.max_bytes:
                sealed = self._sealer.seal(_pack(answer), _context(claim, claim.request_id))
            self._end(
                lambda transaction: transaction.idempotency.keep(claim, sealed),
                later=lambda transaction: transaction.idempotency.keep(claim, None),
            )

        await self._work(keep)

    async def release(self, claim: Claim) -> None:
        """Ends the claim as if it had never been; a store that is away is told when it is back."""

        def release(transaction: Transaction) -> None:
            transaction.idempotency.release(claim)

        await self._work(lambda: self._end(release, later=release))

    async def tend(self) -> None:
        """Ends what the store was away for, and removes what has expired, for as long as the gateway runs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TEND_SECONDS)
            try:
                await loop.run_in_executor(self._executor, self.tidy, int(time.time()))
            except KeyhouseError as error:
                _log.warning("claims of idempotency keys could not be tidied", reason=error.message)

    def tidy(self, now: int) -> None:
        """One round of `tend`; blocks."""
        while self._unended:
            with self._store.write() as transaction:
                self._unended[0](transaction)
            self._unended.pop(0)
        purged = _PURGED_AT_ONCE
        while purged == _PURGED_AT_ONCE:
            with self._store.write() as transaction:
                purged = transaction.idempotency.purge(now, _PURGED_AT_ONCE)

    async def _work(self, work: Callable[[], None]) -> None:
        """Runs it in a worker thread, to its end even if whoever waits is cancelled."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, work))

    def _end(self, end: End, *, later: End) -> None:
        try:
            with self._store.write() as transaction:
                end(transaction)
        except KeyhouseError as error:
            _log.warning("a claim of an idempotency key ends later", reason=error.message)
            self._unended.append(later)

    def _let_go(self, working: asyncio.Future[Claim | Replay]) -> None:
        """Whoever waited for the claim is gone."""
        if working.exception() is None and isinstance(claim := working.result(), Claim):
            self._unended.append(lambda transaction: transaction.idempotency.release(claim))

    def _replay(self, claim: Claim, first: First) -> Replay:
        if first.body_digest != claim.body_digest:
            message = "Another call was made with this Idempotency-Key: its operation or its body is not this one's."
            raise _refused(ErrorCode.IDEMPOTENCY_CONFLICT, message)
        if first.state is ClaimState.RUNNING:
            message = f"The first call with this Idempotency-Key, {first.request_id}, is still running."
            headers = (("retry-after", str(_RUNNING_SECONDS)), ("x-should-retry", "true"))
            raise KeyhouseError(ErrorCode.IDEMPOTENCY_RUNNING, message, headers=headers)
        if first.answer is None:
            message = (
                f"The first call with this Idempotency-Key, {first.request_id}, was answered and charged. Its answer was not "
                f"kept: it was over {self.max_bytes:,} bytes, or could not be stored, or the data retention of its project keeps "
                "none. Another Idempotency-Key runs it again."
            )
            raise _refused(ErrorCode.IDEMPOTENCY_UNKEPT, message)
        return Replay(_unpack(self._sealer.open(first.answer, _context(claim, first.request_id))), first.request_id)


def _refused(code: ErrorCode, message: str) -> KeyhouseError:
    return KeyhouseError(code, message, headers=(("x-should-retry", "false"),))


def _context(claim: Claim, request_id: str) -> str:
    """What an answer is sealed for: it opens for no other key, and as no other call's."""
    return f"idempotency:{claim.key_id}:{claim.digest.hex()}:{request_id}"
