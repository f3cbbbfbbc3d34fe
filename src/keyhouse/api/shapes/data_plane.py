"""Calls of models. Fields that are not listed are passed on as they are, and answers are the upstream's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Group, Shape, Time

Model = Annotated[str, Meta(min_length=1, description="The name of a model that the key may call")]
Tokens = Annotated[int, Meta(ge=0)]


class Usage(Struct):
    prompt_tokens: int
    total_tokens: int
    completion_tokens: int | UnsetType = UNSET


class Message(Struct):
    role: str
    content: str | list[Any] | UnsetType | None = UNSET


class Choice(Struct):
    index: int
    finish_reason: str | None
    message: Message


class TextChoice(Struct):
    index: int
    finish_reason: str | None
    text: str


class ChatRequest(Struct):
    model: Model
    messages: list[dict[str, Any]]
    stream: bool | UnsetType | None = UNSET
    max_completion_tokens: Tokens | UnsetType | None = UNSET
    max_tokens: Tokens | UnsetType | None = UNSET
    n: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET


class ChatCompletion(Struct):
    id: str
    object: Literal["chat.completion"]
    created: Time
    model: str
    choices: list[Choice]
    usage: Usage | UnsetType = UNSET


class CompletionRequest(Struct):
    model: Model
    prompt: str | list[Any]
    stream: bool | UnsetType | None = UNSET
    max_tokens: Tokens | UnsetType | None = UNSET
    n: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET


class Completion(Struct):
    id: str
    object: Literal["text_completion"]
    created: Time
    model: str
    choices: list[TextChoice]
    usage: Usage | UnsetType = UNSET


class EmbeddingRequest(Struct):
    model: Model
    input: str | list[Any]
    dimensions: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    encoding_format: Literal["float", "base64"] | UnsetType = UNSET


class Embedding(Struct):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Embeddings(Struct):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class ModelObject(Struct):
    id: str
    object: Literal["model"]
    created: Time
    owned_by: str


class Models(Struct):
    object: Literal["list"]
    data: list[ModelObject]


GROUP = Group(
    "Models",
    {
        "POST /v1/chat/completions": Shape("Answer a conversation", ChatCompletion, body=ChatRequest),
        "POST /v1/completions": Shape("Complete a prompt", Completion, body=CompletionRequest),
        "POST /v1/embeddings": Shape("Embed texts", Embeddings, body=EmbeddingRequest),
        "GET /v1/models": Shape("List the models that the key may call", Models),
        "GET /v1/models/{id}": Shape("Show a model", ModelObject),
    },
)
