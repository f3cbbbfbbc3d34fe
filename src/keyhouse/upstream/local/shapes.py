"""What the built-in models take, field by field: everything else is refused, or has no meaning here and is left out.

Only the fields named here reach the llama server. It has fields of its own that would undo what the gateway checked:
its `n_predict` outranks `max_tokens`, and with several choices its usage counts the first one alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from keyhouse.upstream.local.catalog import CHAT, EMBEDDING

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Text = Annotated[str, Meta(min_length=1)]
Stop = Text | Annotated[list[Text], Meta(max_length=4)]

DEFAULT_COMPLETION_TOKENS = 16
"""OpenAI's default for `/v1/completions`, where the llama server would go on to the end of its context."""


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """An answer in OpenAI's error shape."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class StreamOptions(Struct, omit_defaults=True):
    include_usage: bool | None = None


class Sampling(Struct, omit_defaults=True, kw_only=True):
    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: Stop | None = None

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class TextPart(Struct):
    type: Literal["text"]
    text: str


class Message(Struct):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]


class TextFormat(Struct, tag_field="type", tag="text"):
    pass


class JsonObjectFormat(Struct, tag_field="type", tag="json_object"):
    pass


class NamedSchema(Struct):
    schema: dict[str, Any]


class JsonSchemaFormat(Struct, tag_field="type", tag="json_schema"):
    json_schema: NamedSchema


class ChatRequest(Sampling, kw_only=True):
    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: Count | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None


class CompletionRequest(Sampling, kw_only=True):
    prompt: Text | Annotated[list[Text], Meta(min_length=1)]


class EmbeddingRequest(Struct, kw_only=True):
    model: str
    input: Text | Annotated[list[Text], Meta(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


ONE_CHOICE = f"{CHAT.id} gives one choice a request."
NO_TOOLS = f"{CHAT.id} has no tool calling."
NO_BIAS = f"{CHAT.id} takes no logit_bias: its token ids are not those of OpenAI's tokenizers."

REFUSED_IN_CHAT = {
    "n": ((1,), ONE_CHOICE),
    "tools": (([],), NO_TOOLS),
    "functions": (([],), NO_TOOLS),
    "logit_bias": (({},), NO_BIAS),
    "audio": ((), f"{CHAT.id} answers text only."),
}
REFUSED_IN_COMPLETIONS = {
    "n": ((1,), ONE_CHOICE),
    "best_of": ((1,), ONE_CHOICE),
    "suffix": ((), f"{CHAT.id} has no fill-in-the-middle: it completes a prompt and takes no suffix."),
    "echo": ((False,), f"{CHAT.id} does not echo the prompt."),
    "logprobs": ((), f"{CHAT.id} gives log probabilities in chat completions only."),
    "logit_bias": (({},), NO_BIAS),
}
"""Field → the values that mean nothing is asked for (beside null), and the refusal of any other."""


def chat_payload(body: bytes) -> tuple[ChatRequest, dict[str, Any]]:
    """The request, and what of it goes to the llama server. Raises `Refusal`."""
    request = _checked(body, ChatRequest, REFUSED_IN_CHAT, CHAT.id)
    payload: dict[str, Any] = msgspec.to_builtins(request)
    # Two names of one bound: the newer one wins, as it does at OpenAI.
    bound = payload.pop("max_completion_tokens", None) or payload.get("max_tokens")
    if bound is not None:
        payload["max_tokens"] = bound
    for message in payload["messages"]:
        if message["role"] == "developer":
            message["role"] = "system"
    return request, payload


def completion_payload(body: bytes) -> tuple[CompletionRequest, dict[str, Any]]:
    """The request, and what of it goes to the llama server. Raises `Refusal`."""
    request = _checked(body, CompletionRequest, REFUSED_IN_COMPLETIONS, CHAT.id)
    if not isinstance(request.prompt, str) and len(request.prompt) > 1:
        raise Refusal(f"{CHAT.id} completes one prompt a request.", param="prompt", code="unsupported_value")
    return request, {"max_tokens": DEFAULT_COMPLETION_TOKENS, **msgspec.to_builtins(request)}


def embedding_request(body: bytes) -> EmbeddingRequest:
    """Raises `Refusal`."""
    return _checked(body, EmbeddingRequest, {}, EMBEDDING.id)


Request = TypeVar("Request", ChatRequest, CompletionRequest, EmbeddingRequest)


def _checked(
    body: bytes, shape: type[Request], refused: Mapping[str, tuple[tuple[object, ...], str]], model: str
) -> Request:
    fields = _json_object(body)
    for name, (harmless, sentence) in refused.items():
        value = fields.get(name)
        if value is not None and value not in harmless:
            raise Refusal(sentence, param=name, code="unsupported_parameter")
    _refuse_token_ids(fields, "prompt" if shape is CompletionRequest else "input", model)
    try:
        request = msgspec.convert(fields, shape)
    except msgspec.ValidationError as error:
        raise Refusal(f"{error}.", param=_field_of(str(error)), code="invalid_value") from None
    if request.model != model:
        raise Refusal(
            f"The model {request.model!r} does not answer here.", status=404, param="model", code="model_not_found"
        )
    return request


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(f"The body is not JSON: {error}.") from None
    if not isinstance(fields, dict):
        raise Refusal("The body must be a JSON object.")
    return fields


def _refuse_token_ids(fields: Mapping[str, Any], name: str, model: str) -> None:
    value = fields.get(name)
    if isinstance(value, list) and any(isinstance(item, int | list) for item in value):
        raise Refusal(
            f"{model} takes text, not token ids: its vocabulary is not that of OpenAI's tokenizers.",
            param=name,
            code="unsupported_value",
        )


def _field_of(error: str) -> str | None:
    """`messages[0].role` out of "… - at `$.messages[0].role`", `prompt` out of "… required field `prompt`"."""
    found = re.search(r"`\$\.([^`]+)`$|required field `([^`]+)`$", error)
    return found and (found[1] or found[2])
