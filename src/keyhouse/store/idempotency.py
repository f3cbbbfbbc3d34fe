"""Claims of idempotency keys, and sealed answers."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, tuple_, update

from keyhouse.domain.idempotency import Claim, ClaimState, First
from keyhouse.store.money_tables import idempotency_claims as claims
from keyhouse.store.rows import values_of

_PLACE = (claims.c.key_id, claims.c.digest)


class SqlIdempotencyClaims:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, claim: Claim, holder: str) -> First | None:
        query = select(claims.c.request_id, claims.c.body_digest, claims.c.state, claims.c.answer)
        row = self._connection.execute(
            query.where(_has_place(claim), claims.c.expires_at > claim.claimed_at)
        ).one_or_none()
        if row is not None:
            return First(*row)
        self._connection.execute(delete(claims).where(_has_place(claim)))
        values = {**values_of(claim), "expires_at": claim.expires_at, "state": ClaimState.RUNNING, "holder": holder}
        self._connection.execute(insert(claims).values(values))
        return None

    def keep(self, claim: Claim, answer: bytes | None) -> None:
        state = ClaimState.UNKEPT if answer is None else ClaimState.KEPT
        self._connection.execute(update(claims).where(_runs(claim)).values(state=state, answer=answer, holder=None))

    def release(self, claim: Claim) -> None:
        self._connection.execute(delete(claims).where(_runs(claim)))

    def release_of_others(self, holder: str) -> int:
        another = or_(claims.c.holder < holder, claims.c.holder > holder)  # which the index answers; `!=` it does not
        return self._connection.execute(delete(claims).where(another)).rowcount

    def purge(self, now: int, limit: int) -> int:
        expired = select(*_PLACE).where(claims.c.expires_at <= now).order_by(claims.c.expires_at).limit(limit)
        return self._connection.execute(delete(claims).where(tuple_(*_PLACE).in_(expired))).rowcount


def _has_place(claim: Claim) -> ColumnElement[bool]:
    return and_(claims.c.key_id == claim.key_id, claims.c.digest == claim.digest)


def _runs(claim: Claim) -> ColumnElement[bool]:
    return and_(_has_place(claim), claims.c.request_id == claim.request_id, claims.c.holder.is_not(None))
