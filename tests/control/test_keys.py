"""The life of a key, verb by verb, for every kind of key."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from keyhouse.control import keys, projects, service_accounts
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.keys import Created
from keyhouse.control.minting import Holder
from keyhouse.domain import keyformat
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind, KeyStatus
from keyhouse.domain.permissions import Access, Permissions, Resource
from keyhouse.store.contract import ChangeKind
from tests.control.houses import DAY, NOW, House

STORES = ("sqlite", "postgres")

KINDS = {
    KeyKind.ADMIN: (keyformat.SecretKind.ADMIN, "sk-khadm_"),
    KeyKind.SERVICE_ACCOUNT: (keyformat.SecretKind.SERVICE_ACCOUNT, "sk-khsvc_"),
    KeyKind.USER: (keyformat.SecretKind.PROJECT, "sk-kh_"),
}


@dataclass
class Made:
    """A key of one kind, and where it is looked for."""

    created: Created
    project_id: str | None

    @property
    def id(self) -> str:
        return self.created.view.key.id


def make(house: House, kind: KeyKind, name: str = "laptop") -> Made:
    project_id = None if kind is KeyKind.ADMIN else house.project_id
    holder = Holder(kind, project_id)
    if kind is KeyKind.SERVICE_ACCOUNT:
        robo = service_accounts.create(house.control, house.caller, house.project_id, "robo", with_key=False)
        holder = Holder(kind, project_id, service_account_id=robo.account.id)
    return Made(keys.create(house.control, house.caller, holder, KeyFields(name=name)), project_id)


@pytest.fixture(params=list(KeyKind), ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> KeyKind:
    found: KeyKind = request.param
    return found


def test_created_key_is_accepted_and_has_the_prefix_of_its_kind(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    secret_kind, prefix = KINDS[kind]
    assert made.created.value.startswith(prefix)
    assert keyformat.parse(made.created.value) == (secret_kind, made.created.view.key.secrets[0].public_id)
    assert house.accepts(made.created.value)
    assert made.created.view.status is KeyStatus.ACTIVE


def test_a_secret_is_neither_stored_nor_shown_again(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    shown = keys.show(house.control, house.caller, made.project_id, made.id)
    listed = keys.list_page(house.control, house.caller, made.project_id)
    body = made.created.value.partition("_")[2]
    for text in (repr(made.created), repr(shown), repr(listed), repr(house.events())):
        assert made.created.value not in text
    assert not house.files_contain(body)
    assert not house.files_contain(body[keyformat.PUBLIC_ID_LENGTH :])
    assert shown.key.redacted == keyformat.redact(made.created.value)


def test_created_key_is_audited_with_what_was_asked(house: House, kind: KeyKind) -> None:
    made = make(house, kind, "build server")
    event = house.events()[-1]
    wanted = EventType.ADMIN_KEY_CREATED if kind is KeyKind.ADMIN else EventType.API_KEY_CREATED
    assert (event.type, event.object_id, event.project_id) == (wanted, made.id, made.project_id)
    assert event.details == {"data": {"scopes": ["all"], "name": "build server"}}
    assert event.actor.kind == "operator"


def test_revoked_key_is_refused_for_good(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    revoked = keys.revoke(house.control, house.caller, made.project_id, made.id)
    assert revoked.status is KeyStatus.REVOKED
    assert not house.accepts(made.created.value)
    for verb in (keys.enable, keys.disable):
        with pytest.raises(KeyhouseError) as refused:
            verb(house.control, house.caller, made.project_id, made.id)
        assert refused.value.code is ErrorCode.CONFLICT
        assert "is revoked and can no longer be" in refused.value.message
    with pytest.raises(KeyhouseError, match="can no longer be rotated"):
        keys.rotate(house.control, house.caller, made.project_id, made.id)
    with pytest.raises(KeyhouseError, match="can no longer be changed"):
        keys.update(house.control, house.caller, made.project_id, made.id, KeyFields(name="x"))
    assert not house.accepts(made.created.value)


def test_revoking_twice_keeps_the_first_moment_and_is_announced_again(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    first = keys.revoke(house.control, house.caller, made.project_id, made.id)
    house.clock.now += 60
    again = keys.revoke(house.control, house.caller, made.project_id, made.id)
    assert again.key.revoked_at == first.key.revoked_at == NOW
    assert len(house.announced) == 2


def test_disabled_key_is_refused_until_it_is_enabled(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    assert keys.disable(house.control, house.caller, made.project_id, made.id).status is KeyStatus.DISABLED
    assert not house.accepts(made.created.value)
    with pytest.raises(KeyhouseError, match="is disabled and can no longer be rotated; enable it first"):
        keys.rotate(house.control, house.caller, made.project_id, made.id)
    assert keys.enable(house.control, house.caller, made.project_id, made.id).status is KeyStatus.ACTIVE
    assert house.accepts(made.created.value)


def test_rotated_key_takes_both_secrets_until_the_grace_ends(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    rotated = keys.rotate(house.control, house.caller, made.project_id, made.id, grace_seconds=3600)
    assert rotated.previous_valid_until == NOW + 3600
    assert rotated.view.key.redacted == keyformat.redact(rotated.value)
    assert house.accepts(made.created.value)
    assert house.accepts(rotated.value)
    house.clock.now += 3599
    assert house.accepts(made.created.value)
    house.clock.now += 1
    assert not house.accepts(made.created.value)
    assert house.accepts(rotated.value)


def test_rotation_without_grace_ends_the_old_secret_at_once(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    rotated = keys.rotate(house.control, house.caller, made.project_id, made.id)
    assert not house.accepts(made.created.value)
    assert house.accepts(rotated.value)


def test_rotating_again_never_lengthens_an_earlier_grace(house: House) -> None:
    made = make(house, KeyKind.USER)
    second = keys.rotate(house.control, house.caller, made.project_id, made.id, grace_seconds=60)
    third = keys.rotate(house.control, house.caller, made.project_id, made.id, grace_seconds=3600)
    house.clock.now += 60
    assert [house.accepts(v) for v in (made.created.value, second.value, third.value)] == [False, True, True]


def test_revocation_ends_every_secret_of_a_rotating_key(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    rotated = keys.rotate(house.control, house.caller, made.project_id, made.id, grace_seconds=DAY)
    keys.revoke(house.control, house.caller, made.project_id, made.id)
    assert not house.accepts(made.created.value)
    assert not house.accepts(rotated.value)


@pytest.mark.parametrize("grace", [-1, 30 * DAY + 1, "60", 1.5, True, None])
def test_grace_outside_0_to_30_days_is_refused(house: House, grace: object) -> None:
    made = make(house, KeyKind.USER)
    with pytest.raises(KeyhouseError, match="whole number of seconds between 0 and 2,592,000") as refused:
        keys.rotate(house.control, house.caller, made.project_id, made.id, grace_seconds=grace)
    assert refused.value.param == "grace_seconds"
    assert len(house.key(made.id).secrets) == 1


def test_update_changes_what_is_given_and_nothing_else(house: House) -> None:
    made = make(house, KeyKind.USER)
    given = KeyFields(permissions={"chat": "write"}, models=["gpt-*", "gpt-*", "o3"], expires_in_seconds=60)
    changed = keys.update(house.control, house.caller, made.project_id, made.id, given).key
    assert changed.name == "laptop"
    assert changed.permissions == Permissions("restricted", ((Resource.CHAT, Access.WRITE),))
    assert changed.models == ("gpt-*", "o3")
    assert changed.expires_at == NOW + 60
    assert house.key(made.id) == changed
    renamed = keys.update(house.control, house.caller, made.project_id, made.id, KeyFields(name="desk")).key
    assert (renamed.name, renamed.models, renamed.expires_at) == ("desk", ("gpt-*", "o3"), NOW + 60)
    lifted = KeyFields(models=None, expires_in_seconds=None)
    freed = keys.update(house.control, house.caller, made.project_id, made.id, lifted).key
    assert (freed.models, freed.expires_at) == (None, None)


def test_update_is_audited_with_what_was_asked(house: House) -> None:
    made = make(house, KeyKind.USER)
    given = KeyFields(name="desk", permissions="read_only")
    keys.update(house.control, house.caller, made.project_id, made.id, given)
    event = house.events()[-1]
    assert event.type is EventType.API_KEY_UPDATED
    assert event.details == {"changes_requested": {"scopes": ["read_only"], "name": "desk", "permissions": "read_only"}}


def test_update_without_a_field_is_refused(house: House) -> None:
    made = make(house, KeyKind.USER)
    with pytest.raises(KeyhouseError, match="Give something to change"):
        keys.update(house.control, house.caller, made.project_id, made.id, KeyFields())


def test_expired_key_is_refused_and_can_only_be_revoked(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    keys.update(house.control, house.caller, made.project_id, made.id, KeyFields(expires_in_seconds=10))
    house.clock.now += 9
    assert house.accepts(made.created.value)
    house.clock.now += 1
    assert not house.accepts(made.created.value)
    assert keys.show(house.control, house.caller, made.project_id, made.id).status is KeyStatus.EXPIRED
    with pytest.raises(KeyhouseError, match="is expired and can no longer be changed; create a new key instead"):
        keys.update(house.control, house.caller, made.project_id, made.id, KeyFields(expires_in_seconds=None))
    assert keys.revoke(house.control, house.caller, made.project_id, made.id).status is KeyStatus.REVOKED


def test_every_change_is_announced_after_it_is_committed(house: House, kind: KeyKind) -> None:
    made = make(house, kind)
    assert house.announced == [], "no gateway knows a key that is new"
    for verb in (keys.disable, keys.enable, keys.rotate, keys.revoke):
        verb(house.control, house.caller, made.project_id, made.id)
        newest = house.changes()[-1]
        assert (newest.kind, newest.object_id) == (ChangeKind.KEY, made.id)
        assert house.announced[-1] == newest.seq
    assert len(house.announced) == 4


def test_a_key_belongs_to_whoever_made_it_or_to_the_first_owner(house: House) -> None:
    holder = Holder(KeyKind.USER, house.project_id)
    by_operator = keys.create(house.control, house.caller, holder, KeyFields(name="a")).view
    by_admin = keys.create(house.control, house.as_admin(), holder, KeyFields(name="b")).view
    assert by_operator.owner.email == by_admin.owner.email == house.facts.owner_email
    assert by_admin.owner.has_access


def test_a_key_for_an_unknown_person_is_not_made(house: House) -> None:
    holder = Holder(KeyKind.USER, house.project_id, user_id="user-charlie")
    with pytest.raises(KeyhouseError, match="No person with id 'user-charlie' was found"):
        keys.create(house.control, house.caller, holder, KeyFields(name="a"))


def test_a_key_is_found_only_where_it_belongs(house: House) -> None:
    other = projects.create(house.control, house.caller, "other")
    made = make(house, KeyKind.USER)
    admin = make(house, KeyKind.ADMIN)
    for project_id, key_id in ((other.id, made.id), (None, made.id), (house.project_id, admin.id)):
        with pytest.raises(KeyhouseError) as refused:
            keys.revoke(house.control, house.caller, project_id, key_id)
        assert refused.value.code is ErrorCode.NOT_FOUND
    assert house.accepts(made.created.value)
    assert house.accepts(admin.created.value)


def test_another_organization_finds_nothing(house: House) -> None:
    made = make(house, KeyKind.USER)
    charlie = type(house.caller).operator("org-other")
    for call in (keys.show, keys.disable, keys.revoke):
        with pytest.raises(KeyhouseError) as refused:
            call(house.control, charlie, made.project_id, made.id)
        assert refused.value.code is ErrorCode.NOT_FOUND
    assert house.accepts(made.created.value)


def test_lists_are_paged_oldest_first_and_keep_revoked_keys(house: House) -> None:
    made = []
    for number in range(5):
        house.clock.now += 1
        made.append(make(house, KeyKind.USER, f"key {number}").id)
    keys.revoke(house.control, house.caller, house.project_id, made[2])
    first = keys.list_page(house.control, house.caller, house.project_id, limit=4)
    rest = keys.list_page(house.control, house.caller, house.project_id, after=first.items[-1].key.id, limit=4)
    names = [item.key.name for item in (*first.items, *rest.items)]
    assert names == ["First key", *(f"key {n}" for n in range(5))]
    assert (first.has_more, rest.has_more) == (True, False)
    assert [item.status for item in rest.items] == [KeyStatus.ACTIVE] * 2
    assert first.items[3].status is KeyStatus.REVOKED


def test_admin_keys_are_listed_newest_first_where_it_is_asked(house: House) -> None:
    for number in range(3):
        house.clock.now += 1
        make(house, KeyKind.ADMIN, f"admin {number}")
    first = keys.list_page(house.control, house.caller, None, limit=2, newest_first=True)
    rest = keys.list_page(house.control, house.caller, None, after=first.items[-1].key.id, limit=2, newest_first=True)
    names = [item.key.name for item in (*first.items, *rest.items)]
    assert names == ["admin 2", "admin 1", "admin 0", "First admin key"]
    assert (first.has_more, rest.has_more) == (True, False)


def test_lists_keep_apart_keys_whose_owner_is_gone(house: House) -> None:
    made = service_accounts.create(house.control, house.caller, house.project_id, "robo")
    service_accounts.delete(house.control, house.caller, house.project_id, made.account.id)
    gone = keys.list_page(house.control, house.caller, house.project_id, owner_access=False)
    there = keys.list_page(house.control, house.caller, house.project_id, owner_access=True)
    assert [item.owner.name for item in gone.items] == ["robo"]
    assert [item.key.name for item in there.items] == ["First key"]


def test_a_cursor_that_names_nothing_is_refused(house: House) -> None:
    for newest_first in (False, True):
        with pytest.raises(KeyhouseError) as refused:
            keys.list_page(house.control, house.caller, None, after="key_none", newest_first=newest_first)
        assert refused.value.param == "after"
