"""Roles, and that nobody makes one that grants more than they hold."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest

from keyhouse.control import roles
from keyhouse.control.context import Caller
from keyhouse.domain.authority import Authority, Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from tests.control.houses import House

STORES = ("sqlite", "postgres")


def holding(house: House, *permissions: Permission, project_id: str | None = None) -> Caller:
    """Somebody who holds these, in the organization or in one project alone."""
    granted = frozenset(permissions)
    authority = Authority(granted) if project_id is None else Authority(projects={project_id: granted})
    return replace(house.as_admin(), authority=authority)


def made_of(*permissions: Permission, name: str = "r") -> dict[str, object]:
    return {"role_name": name, "permissions": [permission.value for permission in permissions]}


def test_nobody_makes_a_role_that_grants_more_than_they_hold(house: House) -> None:
    bob = holding(house, Permission.ROLES_READ, Permission.ROLES_WRITE, Permission.GROUPS_READ)
    made = roles.create(house.control, bob, None, made_of(Permission.GROUPS_READ))
    before = len(house.events())
    with pytest.raises(KeyhouseError) as refused:
        roles.create(house.control, bob, None, made_of(Permission.GROUPS_READ, Permission.GROUPS_WRITE, name="more"))
    assert (refused.value.code, refused.value.param) == (ErrorCode.INSUFFICIENT_PERMISSIONS, "permissions")
    assert "api.groups.write" in refused.value.message
    with pytest.raises(KeyhouseError) as refused:
        roles.update(house.control, bob, None, made.id, made_of(Permission.BILLING_WRITE))
    assert refused.value.code is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert roles.show(house.control, bob, None, made.id) == made
    assert len(house.events()) == before


def test_what_a_role_grants_already_may_be_taken_from_it_by_who_holds_less(house: House) -> None:
    both = made_of(Permission.GROUPS_READ, Permission.GROUPS_WRITE)
    made = roles.create(house.control, house.caller, None, both)
    bob = holding(house, Permission.ROLES_READ, Permission.ROLES_WRITE)
    assert roles.update(house.control, bob, None, made.id, {"role_name": "named"}).name == "named"
    cut = roles.update(house.control, bob, None, made.id, made_of(Permission.GROUPS_READ))
    assert cut.permissions == {Permission.GROUPS_READ}
    with pytest.raises(KeyhouseError) as refused:
        roles.update(house.control, bob, None, made.id, both)
    assert refused.value.code is ErrorCode.INSUFFICIENT_PERMISSIONS


def test_who_makes_roles_in_one_project_makes_none_elsewhere(house: House) -> None:
    project_id = house.project_id
    bob = holding(house, Permission.PROJECT_ROLES_WRITE, Permission.KEYS_READ, project_id=project_id)
    made = roles.create(house.control, bob, project_id, made_of(Permission.KEYS_READ))
    assert made.project_id == project_id
    for place in (None, "proj_other"):
        with pytest.raises(KeyhouseError) as refused:
            roles.create(house.control, bob, place, made_of(Permission.KEYS_READ))
        assert refused.value.code is ErrorCode.INSUFFICIENT_PERMISSIONS
    with pytest.raises(KeyhouseError) as refused:
        roles.create(house.control, bob, project_id, made_of(Permission.KEYS_WRITE, name="more"))
    assert refused.value.code is ErrorCode.INSUFFICIENT_PERMISSIONS


def test_who_may_read_roles_changes_none(house: House) -> None:
    made = roles.create(house.control, house.caller, None, made_of())
    reader = holding(house, Permission.ROLES_READ)
    assert roles.show(house.control, reader, None, made.id) == made
    for change in (
        lambda: roles.create(house.control, reader, None, made_of(name="s")),
        lambda: roles.update(house.control, reader, None, made.id, {}),
        lambda: roles.delete(house.control, reader, None, made.id),
        lambda: roles.list_page(house.control, holding(house), None),
    ):
        with pytest.raises(KeyhouseError) as refused:
            change()
        assert refused.value.code is ErrorCode.INSUFFICIENT_PERMISSIONS


def test_roles_are_not_made_without_end(house: House) -> None:
    with patch.object(roles, "MAX_ROLES", 1):
        roles.create(house.control, house.caller, None, made_of())
        with pytest.raises(KeyhouseError) as refused:
            roles.create(house.control, house.caller, None, made_of(name="s"))
        assert refused.value.code is ErrorCode.CONFLICT
        roles.create(house.control, house.caller, house.project_id, made_of())
