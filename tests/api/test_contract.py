"""The OpenAPI document beside the facts of OpenAI's contract (`tools/derive_contract.py`): it may add, never contradict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from keyhouse.api import document
from tools.derive_contract import Facts

_DATA = json.loads((Path(__file__).parent / "data" / "openai_administration.json").read_text())
# An event's details stand under the name of its type: its fields are as many as there are types, and the audit's tests hold them.
_EVENT = ["id", "type", "effective_at", "actor"]
_CONTRACT: dict[str, Any] = _DATA["operations"]
# Values of ours in an answer, by the contract's own: roles that an invitation or a service account has because
# somebody asked for them.
_OURS = {("owner", "reader"): {"member"}, ("member", "owner"): {"viewer"}, ("member", "none"): {"owner"}}


@cache
def ours() -> dict[str, Any]:
    return Facts(document.document()).operations()


def test_the_table_is_whole_and_carries_its_notice() -> None:
    assert len(_CONTRACT) == 119
    assert "MIT License, Copyright (c) OpenAI" in _DATA["notice"]


@pytest.mark.parametrize("name", sorted(set(_CONTRACT) & set(ours())))
def test_an_operation_is_the_contract_s(name: str) -> None:
    theirs, mine = _CONTRACT[name], ours()[name]
    assert list(_differences(theirs, mine)) == []


def test_every_operation_of_the_contract_is_there() -> None:
    assert sorted(set(_CONTRACT) - set(ours())) == []


def _differences(theirs: dict[str, Any], mine: dict[str, Any]) -> Iterator[str]:
    for name, parameter in theirs["query"].items():
        if name not in mine["query"]:
            yield f"lacks the parameter {name}"
            continue
        if mine["query"][name]["mandatory"] and not parameter["mandatory"]:
            yield f"requires the parameter {name}"
        given = {**parameter, "types": [type_ for type_ in parameter["types"] if type_ != "null"]}  # no query says null
        yield from _takes(given, mine["query"][name], name)
    if theirs["body"] is not None:
        if mine["body"] is None:
            yield "takes no body"
        else:
            yield from _takes(theirs["body"], mine["body"], "body")
    if theirs["answer"] is not None:
        yield from _answers(theirs["answer"], mine["answer"], "answer")


def _takes(theirs: dict[str, Any], mine: dict[str, Any], where: str) -> Iterator[str]:
    """Whatever the contract lets a caller give is a value here."""
    if "any" in mine["types"]:
        return
    # A number's field that takes whole numbers only would refuse what the contract allows; the other way round is no matter.
    lacking = set(theirs["types"]) - set(mine["types"]) - ({"integer"} if "number" in mine["types"] else set())
    if lacking:
        yield f"{where} does not take {sorted(lacking)}"
    if "enum" in mine and not set(theirs.get("enum", ["anything"])) <= set(mine["enum"]):
        yield f"{where} takes {mine['enum']} only"
    if not set(mine.get("required", [])) <= set(theirs.get("required", [])) and "fields" in theirs:
        yield f"{where} requires {sorted(set(mine['required']) - set(theirs['required']))}"
    for name, field in theirs.get("fields", {}).items():
        if name in mine.get("fields", {}):
            yield from _takes(field, mine["fields"][name], f"{where}.{name}")
        elif "fields" in mine:
            yield f"{where} lacks {name}"
    if "items" in theirs and "items" in mine:
        yield from _takes(theirs["items"], mine["items"], f"{where}[]")


def _answers(theirs: dict[str, Any], mine: dict[str, Any], where: str) -> Iterator[str]:
    """Whatever is answered here is a value of the contract."""
    if "any" in theirs["types"]:
        return
    if "variants" in theirs:
        theirs = theirs["variants"][mine["fields"]["object"]["enum"][0]]
    excess = set(mine["types"]) - set(theirs["types"]) - ({"integer"} if "number" in theirs["types"] else set())
    if excess:
        yield f"{where} may be {sorted(excess)}"
    held = {*theirs.get("enum", ()), *_OURS.get(tuple(theirs.get("enum", ())), ())}
    if "enum" in theirs and not set(mine.get("enum", ["anything"])) <= held:
        yield f"{where} is not held to {theirs['enum']}"
    if set(_EVENT) <= set(theirs.get("fields", {})) and "fields" not in mine:
        return
    for name, field in theirs.get("fields", {}).items():
        if name not in mine.get("fields", {}):
            yield f"{where} lacks {name}"
            continue
        if name in theirs["required"] and name not in mine["required"]:
            yield f"{where}.{name} may be absent"
        yield from _answers(field, mine["fields"][name], f"{where}.{name}")
    if "items" in theirs and "items" in mine:
        yield from _answers(theirs["items"], mine["items"], f"{where}[]")
