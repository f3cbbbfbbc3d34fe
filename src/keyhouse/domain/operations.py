"""The operations of the data plane: which permission each needs, whether it calls a model, how it is metered.

What is not in the table is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from keyhouse.domain.permissions import Access, Resource, scope_bit


class Metering(Enum):
    """Where an operation's usage is found."""

    CHAT = "chat"
    """`usage` with prompt and completion tokens; streamed as a last chunk on request."""
    COMPLETION = "completion"
    """As chat, from a prompt."""
    EMBEDDING = "embedding"
    """`usage` with prompt tokens."""
    FREE = "free"
    """Answered by Keyhouse itself; no model is called."""

    # By identity, as members compare; the one that enums bring is written in Python, and every call asks for it.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is what usage rows carry; `path` is the exact target, a trailing `{id}` standing for one segment or more."""

    name: str
    method: str
    path: str
    resource: Resource
    access: Access
    metering: Metering
    bit: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bit", scope_bit(self.resource, self.access))

    @property
    def upstream_path(self) -> str:
        """The path behind the upstream's base URL, which ends in `/v1`."""
        return self.path.removeprefix("/v1")


CHAT_COMPLETIONS = Operation(
    "chat.completions", "POST", "/v1/chat/completions", Resource.CHAT, Access.WRITE, Metering.CHAT
)
COMPLETIONS = Operation(
    "completions", "POST", "/v1/completions", Resource.COMPLETIONS, Access.WRITE, Metering.COMPLETION
)
EMBEDDINGS = Operation("embeddings", "POST", "/v1/embeddings", Resource.EMBEDDINGS, Access.WRITE, Metering.EMBEDDING)
MODELS_LIST = Operation("models.list", "GET", "/v1/models", Resource.MODELS, Access.READ, Metering.FREE)
MODELS_RETRIEVE = Operation("models.retrieve", "GET", "/v1/models/{id}", Resource.MODELS, Access.READ, Metering.FREE)

OPERATIONS = (CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, MODELS_LIST, MODELS_RETRIEVE)
