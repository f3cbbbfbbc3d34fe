"""Prices of models."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import Dollars, Group, ListOf, Name, PageQuery, Shape, Time

Rate = Annotated[Dollars, Meta(description="US dollars per million tokens, an exact decimal text", examples=["2.5"])]


class Price(Struct):
    """A version of a model's price; a rate is null where there is none."""

    object: Literal["price"]
    id: str
    model: str
    effective_at: Time
    input: Rate | None
    cached_input: Rate | None
    cache_write: Rate | None
    output: Rate | None
    input_audio: Rate | None
    output_audio: Rate | None
    tiers: int
    source: str


class PriceWanted(Struct, forbid_unknown_fields=True):
    model: Name
    input: Rate
    output: Rate
    cached_input: Rate | UnsetType | None = UNSET


class PricesQuery(PageQuery):
    model: Annotated[str, Meta(description="Every version of this model's price, newest first")] | UnsetType = UNSET


_PATH = "/v1/organization/prices"

GROUP = Group(
    "Prices",
    {
        f"GET {_PATH}": Shape("List the prices in force, or the versions of one", ListOf[Price], query=PricesQuery),
        f"POST {_PATH}": Shape("Give a model a price, from now on", Price, body=PriceWanted),
        f"GET {_PATH}/{{price_id}}": Shape("Show a version of a price", Price),
    },
)
