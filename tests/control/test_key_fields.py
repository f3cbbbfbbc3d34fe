"""What a key's fields may hold, and the sentence that refuses anything else. A refused call changes nothing."""

from __future__ import annotations

import pytest

from keyhouse.control import keys
from keyhouse.control.fields import UNSET
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.permissions import ALL, Access, Permissions, Resource
from tests.control.houses import DAY, NOW, House

BAD = [
    (KeyFields(), "name", "'name' is required."),
    (KeyFields(name=None), "name", "'name' must be a string."),
    (KeyFields(name=7), "name", "'name' must be a string."),
    (KeyFields(name=""), "name", "1 to 256 characters"),
    (KeyFields(name="   "), "name", "1 to 256 characters"),
    (KeyFields(name="x" * 257), "name", "1 to 256 characters"),
    (KeyFields(name="a\nb"), "name", "control characters"),
    (KeyFields(name="a\x00b"), "name", "control characters"),
    (KeyFields(name="a\x9bb"), "name", "control characters"),
    (KeyFields(name="a\u2028b"), "name", "control characters"),
    (KeyFields(name="a\ud800b"), "name", "control characters"),
    (KeyFields(name="a", permissions=None), "permissions", 'must be "all", "read_only" or an object'),
    (KeyFields(name="a", permissions=[]), "permissions", 'must be "all", "read_only" or an object'),
    (KeyFields(name="a", permissions={"chess": "read"}), "permissions.chess", "is not a resource"),
    (KeyFields(name="a", permissions={"chat": "own"}), "permissions.chat", '"none", "read" or "write"'),
    (KeyFields(name="a", permissions={"chat": ["read"]}), "permissions.chat", '"none", "read" or "write"'),
    (KeyFields(name="a", scopes="api.chat.read"), "scopes", "must be a list of scopes"),
    (KeyFields(name="a", scopes=["api.model.request"]), "scopes[0]", "is not a scope"),
    (KeyFields(name="a", scopes=[["api.chat.read"]]), "scopes[0]", "is not a scope"),
    (KeyFields(name="a", scopes=[], permissions="all"), "scopes", "not both"),
    (KeyFields(name="a", models="gpt"), "models", "must be null or a list"),
    (KeyFields(name="a", models={"gpt": 1}), "models", "must be null or a list"),
    (KeyFields(name="a", models=["m"] * 101), "models", "more than 100 entries"),
    (KeyFields(name="a", models=["ok", ""]), "models[1]", "1 to 256 characters"),
    (KeyFields(name="a", models=["x" * 257]), "models[0]", "1 to 256 characters"),
    (KeyFields(name="a", models=[3]), "models[0]", "must be a string"),
    (KeyFields(name="a", ip_allowlist="10.0.0.0/8"), "ip_allowlist", "must be null or a list"),
    (KeyFields(name="a", ip_allowlist={"10.0.0.0/8": 1}), "ip_allowlist", "must be null or a list"),
    (KeyFields(name="a", ip_allowlist=10), "ip_allowlist", "must be null or a list"),
    (KeyFields(name="a", ip_allowlist=["10.0.0.1"] * 1001), "ip_allowlist", "more than 1,000 entries"),
    (KeyFields(name="a", ip_allowlist=["10.0.0.1", 7]), "ip_allowlist[1]", "must be a string"),
    (KeyFields(name="a", ip_allowlist=[None]), "ip_allowlist[0]", "must be a string"),
    (KeyFields(name="a", ip_allowlist=["10.0.0.1", ""]), "ip_allowlist[1]", "it is no address and no CIDR"),
    (KeyFields(name="a", ip_allowlist=["x" * 10_000]), "ip_allowlist[0]", "it is no address and no CIDR"),
    (KeyFields(name="a", ip_allowlist=["10.0.0.1\x00"]), "ip_allowlist[0]", "it is no address and no CIDR"),
    (KeyFields(name="a", ip_allowlist=["\ud800"]), "ip_allowlist[0]", "it is no address and no CIDR"),
    (KeyFields(name="a", ip_allowlist=["fe80::1%eth0"]), "ip_allowlist[0]", "it is no address and no CIDR"),
    (KeyFields(name="a", ip_allowlist=["10.0.0.5/8"]), "ip_allowlist[0]", "did you mean 10.0.0.0/8?"),
    (KeyFields(name="a", expires_in_seconds=0), "expires_in_seconds", "between 1 and 315,360,000"),
    (KeyFields(name="a", expires_in_seconds=-5), "expires_in_seconds", "between 1 and 315,360,000"),
    (KeyFields(name="a", expires_in_seconds=3650 * DAY + 1), "expires_in_seconds", "between 1 and 315,360,000"),
    (KeyFields(name="a", expires_in_seconds=1.5), "expires_in_seconds", "whole number"),
    (KeyFields(name="a", expires_in_seconds="60"), "expires_in_seconds", "whole number"),
    (KeyFields(name="a", expires_in_seconds=True), "expires_in_seconds", "whole number"),
]


@pytest.mark.parametrize(("given", "param", "sentence"), BAD, ids=lambda v: v if isinstance(v, str) else "")
def test_bad_field_is_refused_by_name(house: House, given: KeyFields, param: str, sentence: str) -> None:
    before = house.events()
    with pytest.raises(KeyhouseError) as refused:
        keys.create(house.control, house.caller, Holder(KeyKind.USER, house.project_id), given)
    assert (refused.value.code, refused.value.param) == (ErrorCode.INVALID_VALUE, param)
    assert sentence in refused.value.message
    assert house.events() == before


@pytest.mark.parametrize("kind", [KeyKind.USER, KeyKind.ADMIN])
def test_networks_are_kept_as_they_are_written_each_once(house: House, kind: KeyKind) -> None:
    holder = Holder(kind, None if kind is KeyKind.ADMIN else house.project_id)
    given = KeyFields(name="a", ip_allowlist=[" 10.0.0.0/8", "10.0.0.1/32", "2001:DB8::/32", "::ffff:10.0.0.1"])
    key = keys.create(house.control, house.caller, holder, given).view.key
    assert house.key(key.id).ip_allowlist == ("10.0.0.0/8", "10.0.0.1", "2001:db8::/32")
    changed = keys.update(house.control, house.caller, key.project_id, key.id, KeyFields(ip_allowlist=[]))
    assert changed.key.ip_allowlist == ()
    assert house.events()[-1].details["changes_requested"] == {"ip_allowlist": []}
    rotated = keys.rotate(house.control, house.caller, key.project_id, key.id)
    assert rotated.view.key.ip_allowlist == ()
    lifted = keys.update(house.control, house.caller, key.project_id, key.id, KeyFields(ip_allowlist=None))
    assert house.key(key.id).ip_allowlist is lifted.key.ip_allowlist is None


@pytest.mark.parametrize("field", ["permissions", "models", "rate_limits"])
def test_admin_key_takes_no_restriction_that_would_not_hold(house: House, field: str) -> None:
    value: object = {"permissions": "read_only", "rate_limits": {"max_requests_per_1_minute": 3}}.get(field, [])
    with pytest.raises(KeyhouseError, match="not enforced yet") as refused:
        keys.create(house.control, house.caller, Holder(KeyKind.ADMIN), KeyFields(**{"name": "a", field: value}))
    assert refused.value.param == field


def created(house: House, given: KeyFields) -> tuple[Permissions, tuple[str, ...] | None, int | None]:
    key = keys.create(house.control, house.caller, Holder(KeyKind.USER, house.project_id), given).view.key
    assert house.key(key.id) == key
    return key.permissions, key.models, key.expires_at


def test_absent_fields_do_not_restrict(house: House) -> None:
    assert created(house, KeyFields(name="a")) == (ALL, None, None)
    null = KeyFields(name="a", models=None, expires_in_seconds=None, ip_allowlist=None, rate_limits=UNSET)
    assert created(house, null) == (ALL, None, None)


def test_empty_lists_allow_nothing(house: House) -> None:
    nothing = Permissions("restricted", ())
    assert created(house, KeyFields(name="a", models=[], permissions={})) == (nothing, (), None)
    assert created(house, KeyFields(name="a", scopes=[]))[0].mask == 0


def test_scopes_grant_the_strongest_that_they_name(house: House) -> None:
    given = KeyFields(name="a", scopes=["api.chat.write", "api.chat.read", "api.models.read"])
    granted = created(house, given)[0]
    assert granted.grants == ((Resource.CHAT, Access.WRITE), (Resource.MODELS, Access.READ))


def test_bounds_are_inclusive(house: House) -> None:
    given = KeyFields(name="é" * 256, models=["m" * 256] + [f"m{n}" for n in range(99)], expires_in_seconds=3650 * DAY)
    _, models, expires_at = created(house, given)
    assert models is not None
    assert (len(models), expires_at) == (100, NOW + 3650 * DAY)


def test_names_lose_the_spaces_at_their_ends(house: House) -> None:
    holder = Holder(KeyKind.USER, house.project_id)
    assert keys.create(house.control, house.caller, holder, KeyFields(name="  a b ")).view.key.name == "a b"
