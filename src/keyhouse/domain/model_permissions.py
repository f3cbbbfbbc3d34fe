"""Model permissions of a project: the only models that its keys may call, or those that they may not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """In OpenAI's words."""

    ALLOW_LIST = "allow_list"
    DENY_LIST = "deny_list"


@dataclass(frozen=True, slots=True)
class ModelPermissions:
    """`model_ids` are exact names, each once. An empty allow-list allows nothing, an empty deny-list everything."""

    mode: Mode
    model_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRule:
    """Model permissions as calls are judged by them: one look-up each."""

    ids: frozenset[str]
    listed_pass: bool

    def allows(self, model: str) -> bool:
        return (model in self.ids) is self.listed_pass


def rule_of(permissions: ModelPermissions) -> ModelRule:
    return ModelRule(frozenset(permissions.model_ids), permissions.mode is Mode.ALLOW_LIST)
