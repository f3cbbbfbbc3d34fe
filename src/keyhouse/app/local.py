"""The built-in models as a target of the router, and as free ones in the price table."""

from __future__ import annotations

from keyhouse.domain import ids
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.money import Price, Rates
from keyhouse.upstream.local import MODELS, LocalModels
from keyhouse.upstream.local.wheels import LocalModelFailed
from keyhouse.upstream.router import Endpoint, ListedModel, Target


def targets(local: LocalModels) -> list[Target]:
    """One target a model: each answers its own operations only."""

    async def endpoint() -> Endpoint:
        try:
            ready = await local.ready()
        except LocalModelFailed as failed:
            raise KeyhouseError(ErrorCode.LOCAL_MODEL_UNAVAILABLE, str(failed).partition("\n")[0]) from None
        return Endpoint(ready.origin, ((b"authorization", b"Bearer " + ready.key.encode()),))

    return [
        Target(
            name="local",
            upstream_id=None,
            organization_id=None,
            project_id=None,
            models=(model.id,),
            listed=(ListedModel(model.id, model.created, model.owned_by),),
            endpoint=endpoint,
            paths=model.endpoints,
        )
        for model in MODELS
    ]


def free_prices(now: int) -> list[Price]:
    """The built-in models cost nothing per token, until somebody sets a price."""
    free = Rates(input=0, output=0)
    return [Price(ids.new_id(ids.PRICE), model.id, 0, free, source="built-in", created_at=now) for model in MODELS]
