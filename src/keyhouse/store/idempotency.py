"""Claims of idempotency keys, and sealed answers. Calls wait for these statements, so they are built once."""

from __future__ import annotations

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, tuple_, update

from keyhouse.domain.data_retention import Retention
from keyhouse.domain.idempotency import Claim, ClaimState, First
from keyhouse.store.money_tables import idempotency_claims as claims
from keyhouse.store.rows import values_of
from keyhouse.store.tables import keys, projects

_PLACE = (claims.c.key_id, claims.c.digest)
_has_place = and_(claims.c.key_id == bindparam("of_key"), claims.c.digest == bindparam("of_digest"))
_runs = and_(_has_place, claims.c.request_id == bindparam("of_request"), claims.c.holder.is_not(None))

_FIND = select(claims.c.expires_at, claims.c.request_id, claims.c.body_digest, claims.c.state, claims.c.answer).where(
    _has_place
)
_CLEAR = delete(claims).where(_has_place)
_TAKE = insert(claims)
_KEEP = update(claims).where(_runs).values({name: bindparam(f"new_{name}") for name in ("answer", "holder", "state")})
_RELEASE = delete(claims).where(_runs)


class SqlIdempotencyClaims:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, claim: Claim, holder: str) -> First | None:
        place = {"of_key": claim.key_id, "of_digest": claim.digest}
        found = self._connection.execute(_FIND, place).one_or_none()
        if found is not None:
            if found.expires_at > claim.claimed_at:
                return First(*found[1:])
            self._connection.execute(_CLEAR, place)
        self._connection.execute(
            _TAKE, {**values_of(claim), "expires_at": claim.expires_at, "state": ClaimState.RUNNING, "holder": holder}
        )
        return None

    def keep(self, claim: Claim, answer: bytes | None) -> None:
        state = ClaimState.UNKEPT if answer is None else ClaimState.KEPT
        self._connection.execute(
            _KEEP, {**_running(claim), "new_answer": answer, "new_holder": None, "new_state": state}
        )

    def release(self, claim: Claim) -> None:
        self._connection.execute(_RELEASE, _running(claim))

    def release_of_others(self, holder: str) -> int:
        another = or_(claims.c.holder < holder, claims.c.holder > holder)  # the index answers these; `!=` it does not
        return self._connection.execute(delete(claims).where(another)).rowcount

    def forget(self, organization_id: str, project_id: str | None) -> int:
        of_project = projects.c.data_retention == Retention.ORGANIZATION_DEFAULT
        if project_id is not None:
            of_project = projects.c.id == project_id
        theirs = (
            select(keys.c.id)
            .join_from(keys, projects, projects.c.id == keys.c.project_id)
            .where(projects.c.organization_id == organization_id, of_project)
        )
        kept = claims.c.state == ClaimState.KEPT, claims.c.key_id.in_(theirs)
        gone = update(claims).where(*kept).values(state=ClaimState.UNKEPT, answer=None)
        return self._connection.execute(gone).rowcount

    def purge(self, now: int, limit: int) -> int:
        expired = select(*_PLACE).where(claims.c.expires_at <= now).order_by(claims.c.expires_at).limit(limit)
        return self._connection.execute(delete(claims).where(tuple_(*_PLACE).in_(expired))).rowcount


def _running(claim: Claim) -> dict[str, object]:
    return {"of_key": claim.key_id, "of_digest": claim.digest, "of_request": claim.request_id}
