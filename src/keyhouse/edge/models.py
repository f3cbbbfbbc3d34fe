"""`GET /v1/models` and `/v1/models/{id}`: what this key can call, in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.policy.authz import may_see_model
from keyhouse.policy.keyring import Credential
from keyhouse.upstream.router import ListedModel


def model_list(models: Sequence[ListedModel], credential: Credential) -> bytes:
    visible = [_object(model) for model in models if may_see_model(credential, model.id)]
    return msgspec.json.encode({"object": "list", "data": visible})


def model_object(models: Sequence[ListedModel], credential: Credential, wanted: str) -> bytes:
    """Raises `model_not_found`, for a model that the key may not use too."""
    for model in models:
        if model.id == wanted and may_see_model(credential, wanted):
            return msgspec.json.encode(_object(model))
    message = f"The model '{shown(wanted)}' does not exist or you do not have access to it."
    raise KeyhouseError(ErrorCode.MODEL_NOT_FOUND, message, param="model")


def _object(model: ListedModel) -> dict[str, object]:
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
