"""Which models are built in, and what each one answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A built-in model as `GET /v1/models` shows it."""

    id: str
    created: int
    """When the model was published, in unix seconds."""
    owned_by: str
    endpoints: frozenset[str]
    """The paths below `/v1` that it answers: `/chat/completions`."""
    context_window: int
    """Tokens: prompt and answer together, or one input of an embedding. A longer one is a 400."""


CHAT = LocalModel(
    id="smollm2-135m-instruct",
    created=1730332800,
    owned_by="huggingfacetb",
    endpoints=frozenset({"/chat/completions", "/completions"}),
    context_window=4096,
)

EMBEDDING = LocalModel(
    id="all-minilm-l6-v2",
    created=1630281600,
    owned_by="sentence-transformers",
    endpoints=frozenset({"/embeddings"}),
    context_window=512,
)

MODELS = (CHAT, EMBEDDING)
