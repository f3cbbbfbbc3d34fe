"""Upstreams."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from keyhouse.api.shapes.common import BothWaysQuery, Group, ListOf, Shape, Time
from keyhouse.api.shapes.keys import Models

UpstreamName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
BaseUrl = Annotated[str, Meta(max_length=2048, examples=["https://api.openai.com/v1"])]
UpstreamKey = Annotated[
    str,
    Meta(min_length=1, max_length=8192, description="Kept encrypted and in no answer; it goes to this server alone"),
]
Served = Annotated[Models, Meta(description="Names and globs; null for those that it lists now")]
Dedicated = Annotated[str, Meta(description="The one project whose calls it answers; null for all")]


class Upstream(Struct):
    object: Literal["upstream"]
    id: str
    name: str
    base_url: str
    redacted_key: str | None
    models: list[str]
    listed_models: list[str]
    project_id: str | None
    ca_file: str | None
    created_at: Time


class UpstreamDeleted(Struct):
    id: str
    object: Literal["upstream.deleted"]
    deleted: bool


class UpstreamChange(Struct, forbid_unknown_fields=True):
    name: UpstreamName | UnsetType = UNSET
    base_url: BaseUrl | UnsetType = UNSET
    key: UpstreamKey | UnsetType | None = UNSET
    models: Served | UnsetType | None = UNSET
    project_id: Dedicated | UnsetType | None = UNSET


class UpstreamWanted(UpstreamChange, forbid_unknown_fields=True, kw_only=True):
    name: UpstreamName
    base_url: BaseUrl


_PATH = "/v1/organization/upstreams"

GROUP = Group(
    "Upstreams",
    {
        f"GET {_PATH}": Shape("List upstreams", ListOf[Upstream], query=BothWaysQuery),
        f"POST {_PATH}": Shape("Add an upstream", Upstream, body=UpstreamWanted),
        f"GET {_PATH}/{{upstream_id}}": Shape("Show an upstream", Upstream),
        f"POST {_PATH}/{{upstream_id}}": Shape("Change an upstream", Upstream, body=UpstreamChange),
        f"DELETE {_PATH}/{{upstream_id}}": Shape("Remove an upstream", UpstreamDeleted),
        f"POST {_PATH}/{{upstream_id}}/test": Shape("Ask an upstream for its models, and remember them", Upstream),
    },
)
