"""Column types: how the domain's values are written in both databases.

Texts compare byte by byte in both (PostgreSQL: collation "C"), so that orders and pages are the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from keyhouse.domain.audit import Actor
from keyhouse.domain.authority import Permission, permission_of
from keyhouse.domain.billing import BillingProfile, InvoiceLine, LineKey, Party, Unit
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.limits import RateLimits
from keyhouse.domain.model_permissions import Mode, ModelPermissions
from keyhouse.domain.money import Rates, Tier
from keyhouse.domain.people import ProjectRole
from keyhouse.domain.permissions import Permissions, parse_permissions

INT64_MAX = 2**63 - 1

# SQLite makes a column the row's own number only if its type is exactly INTEGER.
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Text(TypeDecorator[str]):
    """A text that PostgreSQL and SQLite both can keep; NUL and lone surrogates raise `invalid_value`."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(sa.Text(collation=collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is not None and not is_clean(value):
            raise KeyhouseError(ErrorCode.INVALID_VALUE, "A text contains NUL or half of a surrogate pair.")
        return value


class ToldText(Text):
    """A text that callers or upstreams told us and that was acted upon already: it is kept, cleaned, never refused."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return value if value is None else clean(value)


class JsonText(TypeDecorator[Any]):
    """A domain value as JSON in a text column, so that neither database interprets it."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, dump: Callable[[Any], object], load: Callable[[Any], Any]) -> None:
        super().__init__()
        self.dump = dump
        self.load = load

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(self.dump(value), separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else self.load(json.loads(value))


class EnumText(TypeDecorator[Any]):
    """An enumeration by its value, so that adding a member needs no migration."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, members: type[Enum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Enum | None:  # noqa: ARG002
        return None if value is None else self.members(value)


def is_clean(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or clean(text) == text)


def clean(text: str) -> str:
    """The text with NUL and lone surrogates, which a database refuses, replaced by U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def _permissions_json(permissions: Permissions) -> object:
    return permissions.as_json()


def _words(value: list[str]) -> tuple[str, ...]:
    return tuple(value)


def _permission_words(permissions: frozenset[Permission]) -> object:
    return sorted(permission.value for permission in permissions)


def _permission_set(words: list[str]) -> frozenset[Permission]:
    # A word that this version does not know grants nothing.
    return frozenset(permission for permission in map(permission_of, words) if permission is not None)


def _invited_to_json(projects: tuple[tuple[str, ProjectRole], ...]) -> object:
    return [[project_id, role.value] for project_id, role in projects]


def _invited_to(value: list[list[str]]) -> tuple[tuple[str, ProjectRole], ...]:
    return tuple((project_id, ProjectRole(role)) for project_id, role in value)


def _rates(value: dict[str, Any]) -> Rates:
    return Rates(**value)


def _tiers_json(tiers: tuple[Tier, ...]) -> object:
    return [asdict(tier) for tier in tiers]


def _tiers(value: list[dict[str, Any]]) -> tuple[Tier, ...]:
    return tuple(Tier(tier["above"], Rates(**tier["rates"])) for tier in value)


def _rate_limits_json(limits: RateLimits) -> object:
    return limits.given


def _rate_limits(value: dict[str, int]) -> RateLimits:
    return RateLimits(**value)


def _model_permissions_json(permissions: ModelPermissions) -> object:
    return {"mode": permissions.mode.value, "model_ids": list(permissions.model_ids)}


def _model_permissions(value: dict[str, Any]) -> ModelPermissions:
    return ModelPermissions(Mode(value["mode"]), tuple(value["model_ids"]))


def _hosted_tools_json(tools: tuple[HostedTool, ...]) -> object:
    return [tool.value for tool in tools]


def _hosted_tools(value: list[str]) -> tuple[HostedTool, ...]:
    return tuple(HostedTool(name) for name in value)


def _actor(value: dict[str, Any]) -> Actor:
    return Actor(**value)


def _profile(value: dict[str, Any]) -> BillingProfile:
    parties = {name: Party(**{**value[name], "address": tuple(value[name]["address"])}) for name in ("seller", "buyer")}
    return BillingProfile(**{**value, **parties})


def _invoice_lines_json(lines: tuple[InvoiceLine, ...]) -> object:
    return [{**asdict(line), "key": [*line.key[:3], line.key.unit.value]} for line in lines]


def _invoice_lines(value: list[dict[str, Any]]) -> tuple[InvoiceLine, ...]:
    return tuple(_invoice_line(**line) for line in value)


def _invoice_line(key: tuple[str, str, str, str], **others: Any) -> InvoiceLine:
    month, project_id, model, unit = key
    return InvoiceLine(LineKey(month, project_id, model, Unit(unit)), **others)


ActorJson = JsonText(asdict, _actor)
PermissionsJson = JsonText(_permissions_json, parse_permissions)
WordsJson = JsonText(list, _words)
HostedToolsJson = JsonText(_hosted_tools_json, _hosted_tools)
ModelPermissionsJson = JsonText(_model_permissions_json, _model_permissions)
PermissionWordsJson = JsonText(_permission_words, _permission_set)
InvitedToJson = JsonText(_invited_to_json, _invited_to)
RateLimitsJson = JsonText(_rate_limits_json, _rate_limits)
RatesJson = JsonText(asdict, _rates)
TiersJson = JsonText(_tiers_json, _tiers)
InvoiceLinesJson = JsonText(_invoice_lines_json, _invoice_lines)
ProfileJson = JsonText(asdict, _profile)
DetailsJson = JsonText(dict, dict)
