"""An admin key may do what its person may, cut to its role and scopes, and nobody gets hold of more than they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from keyhouse.control import authority, keys, roles
from keyhouse.control.context import Caller
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.control.views import KeyView
from keyhouse.domain.authority import EVERYTHING, READS, Authority, Permission
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from tests.control.houses import House
from tests.control.test_roles import holding, made_of

STORES = ("sqlite", "postgres")
READER = "role-organization-reader"


def create(house: House, caller: Caller | None = None, **given: Any) -> KeyView:
    fields = KeyFields(name="ops", **given)
    return keys.create(house.control, caller or house.caller, Holder(KeyKind.ADMIN), fields).view


def update(house: House, key_id: str, caller: Caller | None = None, **given: Any) -> KeyView:
    return keys.update(house.control, caller or house.caller, None, key_id, KeyFields(**given))


def what_it_may(house: House, key_id: str) -> Authority:
    with house.store.read() as tx:
        key = tx.keys.get(house.caller.organization_id, key_id)
        assert key is not None
        return authority.of_admin_key(tx, key)


def refused(attempt: Callable[[], object]) -> KeyhouseError:
    with pytest.raises(KeyhouseError) as error:
        attempt()
    return error.value


def test_a_key_is_cut_to_its_role_and_to_its_scopes(house: House) -> None:
    assert what_it_may(house, create(house).key.id).everywhere == EVERYTHING
    assert what_it_may(house, create(house, role_id=READER).key.id).everywhere == READS
    both = create(house, role_id=READER, scopes=["api.groups.read", "api.groups.write"]).key
    assert what_it_may(house, both.id).everywhere == {Permission.GROUPS_READ}
    assert both.scopes == ("api.groups.read", "api.groups.write")


def test_what_a_key_is_cut_to_changes_and_is_lifted(house: House) -> None:
    key = create(house, scopes=["api.groups.read"]).key
    update(house, key.id, scopes=["api.groups.write"])
    assert what_it_may(house, key.id).everywhere == {Permission.GROUPS_WRITE}
    assert house.events()[-1].details == {"changes_requested": {"scopes": ["api.groups.write"]}}
    made = roles.create(house.control, house.caller, None, made_of(Permission.BILLING_READ))
    update(house, key.id, scopes=None, role_id=made.id)
    assert what_it_may(house, key.id).everywhere == {Permission.BILLING_READ}
    update(house, key.id, role_id=None)
    assert what_it_may(house, key.id).everywhere == EVERYTHING


def test_a_key_whose_role_is_deleted_may_do_nothing_until_it_has_another(house: House) -> None:
    made = roles.create(house.control, house.caller, None, made_of(Permission.BILLING_READ))
    key = create(house, role_id=made.id).key
    roles.delete(house.control, house.caller, None, made.id)
    assert what_it_may(house, key.id) == Authority()
    keys.rotate(house.control, house.caller, None, key.id)
    assert update(house, key.id, role_id=READER).key.role_id == READER


def test_nobody_makes_a_key_that_may_do_more_than_they(house: House) -> None:
    clerk = holding(house, Permission.ADMIN_KEYS_WRITE, Permission.GROUPS_READ)
    before = house.events()
    assert refused(lambda: create(house, clerk)).code is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert refused(lambda: create(house, clerk, role_id=READER)).code is ErrorCode.INSUFFICIENT_PERMISSIONS
    error = refused(lambda: create(house, clerk, scopes=["api.groups.read", "api.groups.write"]))
    assert "api.groups.write" in error.message
    assert house.events() == before
    key = create(house, clerk, scopes=["api.groups.read", "api.organization.admin_api_keys.write"]).key
    assert what_it_may(house, key.id).everywhere == {Permission.GROUPS_READ, Permission.ADMIN_KEYS_WRITE}


def test_nobody_gets_hold_of_a_key_that_may_do_more_than_they(house: House) -> None:
    clerk = holding(house, Permission.ADMIN_KEYS_WRITE, Permission.GROUPS_READ)
    strong, weak = create(house).key.id, create(house, scopes=["api.groups.read"]).key.id
    attempts: list[Callable[[str], object]] = [
        lambda key_id: keys.rotate(house.control, clerk, None, key_id),
        lambda key_id: keys.enable(house.control, clerk, None, key_id),
        lambda key_id: update(house, key_id, clerk, name="mine"),
    ]
    for attempt in attempts:
        assert refused(partial(attempt, strong)).code is ErrorCode.INSUFFICIENT_PERMISSIONS
        attempt(weak)
    wider: list[dict[str, Any]] = [{"scopes": None}, {"scopes": ["api.groups.write"]}]
    for given in wider:
        error = refused(partial(update, house, weak, clerk, **given))
        assert error.code is ErrorCode.INSUFFICIENT_PERMISSIONS
    assert what_it_may(house, weak).everywhere == {Permission.GROUPS_READ}


def test_a_key_that_may_do_more_is_disabled_and_revoked_all_the_same(house: House) -> None:
    clerk = holding(house, Permission.ADMIN_KEYS_WRITE)
    strong = create(house).key.id
    assert keys.disable(house.control, clerk, None, strong).key.disabled_at is not None
    assert keys.revoke(house.control, clerk, None, strong).key.revoked_at is not None


OFFICE = ("10.0.0.0/8", "2001:db8::/32")


@pytest.mark.parametrize(
    "wider", [None, ["0.0.0.0/0"], ["10.0.0.0/7"], ["10.1.2.3", "11.0.0.1"], ["::1"], ["2001:db8::/31"]]
)
def test_a_key_held_to_networks_makes_none_that_is_held_to_less(house: House, wider: list[str] | None) -> None:
    clerk = replace(house.as_admin(), networks=OFFICE)
    own = create(house, clerk, ip_allowlist=["10.1.0.0/16"]).key.id
    before = house.events()
    for attempt in (
        lambda: create(house, clerk, ip_allowlist=wider),
        lambda: update(house, own, clerk, ip_allowlist=wider),
    ):
        error = refused(attempt)
        assert (error.code, error.param) == (ErrorCode.INSUFFICIENT_PERMISSIONS, "ip_allowlist")
        assert "within those" in error.message
        assert "10.0.0.0/8, 2001:db8::/32 alone" in error.message
    assert house.events() == before


def test_a_key_held_to_networks_must_say_which_a_new_one_is_held_to(house: House) -> None:
    clerk = replace(house.as_admin(), networks=OFFICE)
    assert refused(lambda: create(house, clerk)).param == "ip_allowlist"
    for inside in (["10.0.0.0/8"], ["10.1.2.3", "::ffff:10.1.2.4", "2001:db8:1::/48"], []):
        key = create(house, clerk, ip_allowlist=inside).key
        assert update(house, key.id, clerk, name="renamed", ip_allowlist=["10.9.9.9"]).key.ip_allowlist == ("10.9.9.9",)


def test_a_key_held_to_networks_gets_hold_of_none_that_is_held_to_less(house: House) -> None:
    clerk = replace(house.as_admin(), networks=OFFICE)
    free, near = create(house).key.id, create(house, ip_allowlist=["10.1.2.3"]).key.id
    attempts: list[Callable[[str], object]] = [
        lambda key_id: keys.rotate(house.control, clerk, None, key_id),
        lambda key_id: keys.enable(house.control, clerk, None, key_id),
        lambda key_id: update(house, key_id, clerk, name="mine"),
        lambda key_id: update(house, key_id, clerk, ip_allowlist=["10.1.2.3"]),
    ]
    for attempt in attempts:
        assert refused(partial(attempt, free)).param == "ip_allowlist"
        attempt(near)
    assert keys.disable(house.control, clerk, None, free).key.disabled_at is not None
    assert keys.revoke(house.control, clerk, None, free).key.revoked_at is not None


def test_many_networks_are_not_all_told(house: House) -> None:
    clerk = replace(house.as_admin(), networks=tuple(f"10.0.{n}.0/24" for n in range(1000)))
    error = refused(lambda: create(house, clerk))
    assert "10.0.4.0/24 and 995 more alone" in error.message
    assert len(error.message) < 400


def test_project_keys_are_held_to_what_is_asked_for_them(house: House) -> None:
    """They call models and administer nothing: where they may be used from is their own affair."""
    clerk = replace(house.as_admin(), networks=OFFICE)
    made = keys.create(house.control, clerk, Holder(KeyKind.USER, house.project_id), KeyFields(name="app"))
    assert made.view.key.ip_allowlist is None


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"scopes": []}, ErrorCode.INVALID_VALUE, "scopes"),
        ({"scopes": "api.groups.read"}, ErrorCode.INVALID_VALUE, "scopes"),
        ({"scopes": {"api.groups.read": True}}, ErrorCode.INVALID_VALUE, "scopes"),
        ({"scopes": ["api.groups.read", 3]}, ErrorCode.INVALID_VALUE, "scopes[1]"),
        ({"scopes": ["api.all"]}, ErrorCode.INVALID_VALUE, "scopes[0]"),
        ({"scopes": ["x" * 10_000]}, ErrorCode.INVALID_VALUE, "scopes[0]"),
        ({"role_id": 3}, ErrorCode.INVALID_VALUE, "role_id"),
        ({"role_id": "role-none"}, ErrorCode.NOT_FOUND, None),
        ({"role_id": "role-project-owner"}, ErrorCode.NOT_FOUND, None),
    ],
)
def test_what_is_no_role_or_scope_is_refused(
    house: House, given: dict[str, Any], code: ErrorCode, param: str | None
) -> None:
    key_id = create(house).key.id
    before = house.events()
    for attempt in (lambda: create(house, **given), lambda: update(house, key_id, **given)):
        error = refused(attempt)
        assert (error.code, error.param) == (code, param)
        assert len(error.message) < 1000
    assert house.events() == before


def test_a_project_key_has_no_role(house: House) -> None:
    holder, fields = Holder(KeyKind.USER, house.project_id), KeyFields(name="app", role_id=READER)
    error = refused(lambda: keys.create(house.control, house.caller, holder, fields))
    assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "role_id")
