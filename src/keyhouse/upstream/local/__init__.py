"""The built-in models: small enough for any machine, so that a new installation answers at once.

The gateway's process imports `models` alone, which is light. What runs the models lives in a child process (`child`),
on wheels that are fetched once into the data directory (`wheels`) and never into the gateway's own environment.
"""

from keyhouse.upstream.local.catalog import MODELS, LocalModel
from keyhouse.upstream.local.models import LocalEndpoints, LocalModels, LocalStatus
from keyhouse.upstream.local.wheels import LocalModelFailed

__all__ = ["MODELS", "LocalEndpoints", "LocalModel", "LocalModelFailed", "LocalModels", "LocalStatus"]
