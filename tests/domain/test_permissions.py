"""What a key may do: scopes as one integer, beside an oracle that spells them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.operations import OPERATIONS
from keyhouse.domain.permissions import (
    ALL,
    READ_ONLY,
    Access,
    Permissions,
    Resource,
    model_allowed,
    parse_permissions,
    scope,
    scope_bit,
)

RESOURCES = [resource.value for resource in Resource]
SCOPES = {(resource, access) for resource in Resource for access in (Access.READ, Access.WRITE)}
restricted = st.dictionaries(st.sampled_from(RESOURCES), st.sampled_from(["none", "read", "write"]))


def allowed(permissions: Permissions) -> set[tuple[Resource, Access]]:
    return {(resource, access) for resource, access in SCOPES if permissions.mask & scope_bit(resource, access)}


def test_every_scope_has_a_bit_of_its_own() -> None:
    bits = [scope_bit(resource, access) for resource, access in SCOPES]
    assert len(set(bits)) == len(SCOPES) == 44
    assert all(bit.bit_count() == 1 for bit in bits)


@given(restricted)
def test_a_restricted_key_may_do_what_it_was_given_and_nothing_else(given: dict[str, str]) -> None:
    naive = set()
    for name, access in given.items():
        if access in {"read", "write"}:
            naive.add((Resource(name), Access.READ))  # write includes read
        if access == "write":
            naive.add((Resource(name), Access.WRITE))
    assert allowed(parse_permissions(given)) == naive


def test_all_is_everything_and_read_only_is_every_read() -> None:
    assert allowed(ALL) == SCOPES
    assert allowed(READ_ONLY) == {(resource, Access.READ) for resource in Resource}


def test_empty_never_means_all() -> None:
    assert allowed(parse_permissions({})) == set()
    assert parse_permissions({}).mask == 0


def test_read_only_calls_no_model() -> None:
    free = {operation.name for operation in OPERATIONS if READ_ONLY.mask & operation.bit}
    assert free == {"models.list", "models.retrieve"}


@given(restricted)
def test_permissions_are_shown_as_they_were_given(given: dict[str, str]) -> None:
    parsed = parse_permissions(given)
    assert parsed.as_json() == given
    assert parse_permissions(parsed.as_json()) == parsed


@pytest.mark.parametrize("mode", ["all", "read_only"])
def test_a_mode_is_shown_by_its_name(mode: str) -> None:
    assert parse_permissions(mode).as_json() == mode


@given(st.dictionaries(st.sampled_from(RESOURCES), st.just("read"), min_size=2))
def test_the_order_of_resources_makes_no_difference(given: dict[str, str]) -> None:
    assert parse_permissions(given) == parse_permissions(dict(reversed(given.items())))


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"chats": "read"}, "permissions.chats"),
        ({"Chat": "read"}, "permissions.Chat"),
        ({"chat": "write", "": "read"}, "permissions."),
        ({"chat": "all"}, "permissions.chat"),
        ({"chat": "Read"}, "permissions.chat"),
        ({"chat": None}, "permissions.chat"),
        ({"chat": True}, "permissions.chat"),
        ({"chat": ["read"]}, "permissions.chat"),
        ({"chat": {}}, "permissions.chat"),
        ("ALL", "permissions"),
        ("restricted", "permissions"),
        ("", "permissions"),
        (None, "permissions"),
        (True, "permissions"),
        (["chat"], "permissions"),
    ],
)
def test_what_is_not_known_is_refused_by_name(value: object, param: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        parse_permissions(value)
    assert (refused.value.code.code, refused.value.param) == ("invalid_value", param)


def test_a_scope_is_written_in_one_grammar() -> None:
    assert scope(Resource.FINE_TUNING, Access.WRITE) == "api.fine_tuning.write"
    assert sorted(RESOURCES) == RESOURCES


def test_asking_for_nothing_is_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match="read or write"):
        scope_bit(Resource.CHAT, Access.NONE)


@pytest.mark.parametrize(
    ("model", "patterns", "passes"),
    [
        ("gpt-4o", None, True),
        ("gpt-4o", (), False),
        ("gpt-4o", ("gpt-4o",), True),
        ("gpt-4o-mini", ("gpt-4o",), False),
        ("gpt-4o-mini", ("gpt-4o*",), True),
        ("GPT-4o", ("gpt-4o",), False),
        ("GPT-4o", ("gpt-*",), False),
        ("o3", ("gpt-*", "o?"), True),
        ("o3-mini", ("o?",), False),
        ("org/model:free", ("org/*",), True),
        ("a[1]", ("a[1]",), True),
        ("a1", ("a[1]",), True),
        ("anything", ("*",), True),
        ("", ("*",), True),
        ("evil\ngpt-4o", ("gpt-4o",), False),
        ("xgpt-4o", ("gpt-4o*",), False),
    ],
)
def test_a_model_passes_a_list_of_names_and_globs(model: str, patterns: tuple[str, ...] | None, passes: bool) -> None:
    assert model_allowed(model, patterns) is passes


@given(st.text(), st.lists(st.text(), max_size=4))
def test_a_model_passes_where_its_own_name_is_listed(model: str, others: list[str]) -> None:
    assert model_allowed(model, (*others, model))
