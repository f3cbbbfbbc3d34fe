"""What a shape is, and the types that resources share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")

Time = Annotated[int, Meta(description="Unix seconds")]
Nanos = Annotated[int, Meta(description="Billionths of a US dollar")]
Dollars = Annotated[str, Meta(description="US dollars, an exact decimal text", examples=["2.5"])]
Name = Annotated[
    str, Meta(min_length=1, max_length=256, description="No control characters; spaces at its ends are cut off")
]
Tags = Annotated[dict[str, str], Meta(description="Names and values, for reports")]
Page = Annotated[int, Meta(ge=0, le=100, description="The most objects to answer; 20 unless told")]
After = Annotated[str, Meta(description="The `last_id` of the page before")]
Before = Annotated[str, Meta(description="An object's id: the page ends just before it, in the list's order")]
Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One operation: a sentence, its query's and its body's struct (None: it has none), and the type of its 200.

    `answer` bytes: a file of `media_type`.
    """

    summary: str
    answer: Any
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one resource, by `METHOD /path`."""

    name: str
    shapes: Mapping[str, Shape]


class ListOf(Struct, Generic[T]):
    """One page of a list; `last_id` is what `after` takes for the next one."""

    object: Literal["list"]
    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool


class NextListOf(Struct, Generic[T]):
    """One page of a list; `next` is what `after` takes for the next one, null at the end."""

    object: Literal["list"]
    data: list[T]
    has_more: bool
    next: str | None


class PageQuery(Struct):
    after: After | UnsetType = UNSET
    limit: Page | UnsetType = UNSET


class EitherWayQuery(PageQuery):
    """Of a list whose order is its own."""

    before: Before | UnsetType = UNSET


class OrderedQuery(PageQuery):
    order: Order | UnsetType = UNSET


class NextQuery(Struct):
    after: Annotated[str, Meta(description="The `next` of the page before")] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=0, le=1000, description="The most objects to answer")] | UnsetType = UNSET
    order: Order | UnsetType = UNSET


class BothWaysQuery(OrderedQuery):
    before: Before | UnsetType = UNSET


class Actor(Struct):
    """Who did it."""

    type: str
    user_id: str | None
    key_id: str | None


class ErrorDetails(Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class Error(Struct):
    """OpenAI's error envelope."""

    error: ErrorDetails
