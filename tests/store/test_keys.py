"""Keys, their secrets, and the look-up that the call's path depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.data_retention import Retention
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.model_permissions import Mode, ModelPermissions
from keyhouse.domain.permissions import parse_permissions
from keyhouse.domain.projects import Project
from keyhouse.store.contract import KeyFilter, Page, Store
from tests.store.makers import ALICE, BOB, ORG, OTHER_ORG, OTHER_PROJECT, PROJECT, ROBO, make_key, make_secret


def test_a_key_comes_back_as_it_was_stored(store: Store) -> None:
    key = make_key(
        1,
        permissions=parse_permissions({"chat": "write", "models": "read"}),
        models=("gpt-*", "é"),
        expires_at=2**40,
        last_used_at=2000,
        disabled_at=2001,
        quarantined_at=2002,
        revoked_at=2003,
    )
    add(store, key, make_key(2, models=()), make_key(3, models=None))
    assert get(store, 1) == key
    assert get(store, 2).models == ()
    assert get(store, 3).models is None


def test_another_organizations_key_is_not_found(store: Store) -> None:
    add(store, make_key(1))
    with store.read() as transaction:
        assert transaction.keys.get(OTHER_ORG, "key_000001") is None


def test_saving_stores_everything_but_the_secrets(store: Store) -> None:
    add(store, make_key(1))
    changed = replace(make_key(1), name="Renamed", models=("a",), disabled_at=5, last_used_at=7, secrets=())
    with store.write() as transaction:
        transaction.keys.save(changed)
    assert get(store, 1) == replace(changed, secrets=make_key(1).secrets)


def test_saving_an_unknown_key_is_refused(store: Store) -> None:
    with pytest.raises(KeyhouseError) as caught, store.write() as transaction:
        transaction.keys.save(make_key(1))
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_secrets_are_newest_first_even_within_one_second(store: Store) -> None:
    add(store, make_key(1))
    with store.write() as transaction:
        for public_id in ("zzz", "aaa", "mmm"):
            transaction.keys.add_secret(make_secret("key_000001", public_id))
    assert [secret.public_id for secret in get(store, 1).secrets] == ["mmm", "aaa", "zzz", "pub000000001"]


def test_a_public_id_is_given_once(store: Store) -> None:
    add(store, make_key(1), make_key(2))
    with pytest.raises(KeyhouseError) as caught, store.write() as transaction:
        transaction.keys.add_secret(make_secret("key_000002", "pub000000001"))
    assert caught.value.code is ErrorCode.CONFLICT


def test_a_secrets_earlier_end_stays(store: Store) -> None:
    add(store, make_key(1))
    for given, kept in ((5000, 5000), (6000, 5000), (4000, 4000)):
        with store.write() as transaction:
            transaction.keys.end_secret("pub000000001", given)
        assert get(store, 1).secrets[0].valid_until == kept


def test_find_secret_gives_the_key_with_all_secrets_and_the_one_that_was_asked_for(store: Store) -> None:
    add(store, make_key(1))
    with store.write() as transaction:
        transaction.keys.add_secret(make_secret("key_000001", "second"))
    with store.read() as transaction:
        ring = transaction.keys.find_secret("pub000000001")
        assert transaction.keys.find_secret("pub999999999") is None
    assert ring is not None
    assert ring.key == get(store, 1)
    assert ring.secret.public_id == "pub000000001"
    assert ring.project_archived is False


def test_find_secret_tells_an_archived_project(store: Store) -> None:
    add(store, make_key(1), make_key(2, kind=KeyKind.ADMIN, project_id=None))
    with store.write() as transaction:
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, is_default=True, archived_at=900))
    with store.read() as transaction:
        project_key, admin_key = (transaction.keys.find_secret(f"pub00000000{n}") for n in (1, 2))
    assert project_key is not None
    assert project_key.project_archived is True
    assert admin_key is not None
    assert admin_key.project_archived is False


def test_keys_are_listed_oldest_first_in_pages(store: Store) -> None:
    add(store, *(make_key(n, created_at=1000 + n // 3) for n in reversed(range(10))))
    seen: list[str] = []
    after = None
    while True:
        with store.read() as transaction:
            page = transaction.keys.list(ORG, KeyFilter(PROJECT), Page(after, 3))
        seen += [key.id for key in page.items]
        if not page.has_more:
            break
        after = seen[-1]
    assert seen == [f"key_{n:06d}" for n in range(10)]
    assert all(len(key.secrets) == 1 for key in page.items)


def test_pages_do_not_shift_while_keys_are_added(store: Store) -> None:
    add(store, *(make_key(n, created_at=1000 + n) for n in range(0, 20, 2)))
    seen: list[str] = []
    for step in range(5):
        with store.read() as transaction:
            page = transaction.keys.list(ORG, KeyFilter(PROJECT), Page(seen[-1] if seen else None, 2))
        seen += [key.id for key in page.items]
        add(store, make_key(100 + step, created_at=1000), make_key(200 + step, created_at=2000))
    assert seen == [f"key_{n:06d}" for n in range(0, 20, 2)]


@pytest.mark.parametrize("after", ["key_999999", "", "key_000002"])
def test_a_cursor_that_names_nothing_in_the_list_is_refused(store: Store, after: str) -> None:
    """`key_000002` exists, in another project."""
    add(store, make_key(1), make_key(2, project_id=OTHER_PROJECT))
    with pytest.raises(KeyhouseError) as caught, store.read() as transaction:
        transaction.keys.list(ORG, KeyFilter(PROJECT), Page(after))
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_VALUE, "after")


def test_filters_show_what_they_name_and_none_does_not_restrict(store: Store) -> None:
    add(
        store,
        make_key(1),
        make_key(2, project_id=OTHER_PROJECT, user_id=BOB),
        make_key(3, kind=KeyKind.SERVICE_ACCOUNT, user_id=None, service_account_id=ROBO),
        make_key(4, kind=KeyKind.ADMIN, project_id=None),
    )
    assert listed(store, KeyFilter()) == [1, 2, 3, 4]
    assert listed(store, KeyFilter(PROJECT)) == [1, 3]
    assert listed(store, KeyFilter(kinds=(KeyKind.ADMIN,))) == [4]
    assert listed(store, KeyFilter(PROJECT, (KeyKind.USER, KeyKind.ADMIN))) == [1]
    assert listed(store, KeyFilter(service_account_id=ROBO)) == [3]
    assert listed(store, KeyFilter(OTHER_PROJECT, service_account_id=ROBO)) == []
    assert listed(store, KeyFilter(kinds=())) == []


def test_last_use_only_ever_moves_forward(store: Store) -> None:
    add(store, *map(make_key, (1, 2, 3)))
    with store.write() as transaction:
        transaction.keys.touch({"key_000001": 50, "key_000002": 60, "key_unknown": 70})
        transaction.keys.touch({"key_000001": 40, "key_000002": 61})
        transaction.keys.touch({})
    assert [get(store, n).last_used_at for n in (1, 2, 3)] == [50, 61, None]


def test_saving_a_key_that_was_read_before_its_last_use_does_not_undo_it(store: Store) -> None:
    add(store, make_key(1, last_used_at=10))
    stale = get(store, 1)
    with store.write() as transaction:
        transaction.keys.touch({"key_000001": 50})
        transaction.keys.save(replace(stale, name="Renamed"))
    assert (get(store, 1).name, get(store, 1).last_used_at) == ("Renamed", 50)


def test_thousands_of_keys_are_touched_at_once(store: Store) -> None:
    add(store, *map(make_key, range(1200)))
    with store.write() as transaction:
        transaction.keys.touch({f"key_{n:06d}": 5000 + n % 2 for n in range(1200)})
    assert (get(store, 0).last_used_at, get(store, 1199).last_used_at) == (5000, 5001)


def test_an_organizations_key_needs_its_holder(store: Store) -> None:
    with pytest.raises(KeyhouseError) as caught:
        add(store, make_key(1, user_id="user-nobody"))
    assert caught.value.code is ErrorCode.CONFLICT
    add(store, make_key(1, user_id=ALICE))


def add(store: Store, *keys: Key) -> None:
    with store.write() as transaction:
        for key in keys:
            transaction.keys.add(key)


def get(store: Store, number: int) -> Key:
    with store.read() as transaction:
        key = transaction.keys.get(ORG, f"key_{number:06d}")
    assert key is not None
    return key


def listed(store: Store, where: KeyFilter) -> list[int]:
    with store.read() as transaction:
        return [int(key.id.removeprefix("key_")) for key in transaction.keys.list(ORG, where, Page()).items]


def test_the_addresses_that_a_key_may_be_used_from_come_back_wherever_it_is_read(store: Store) -> None:
    listed, nowhere, free = make_key(1, ip_allowlist=("10.0.0.0/8", "::1")), make_key(2, ip_allowlist=()), make_key(3)
    with store.write() as tx:
        for key in (listed, nowhere, free):
            tx.keys.add(key)
    with store.read() as tx:
        assert [tx.keys.get(ORG, key.id) for key in (listed, nowhere, free)] == [listed, nowhere, free]
        ring = tx.keys.find_secret("pub000000001")
        assert ring is not None
        assert ring.key == listed
        found = tx.keys.list(ORG, KeyFilter(PROJECT), Page()).items
        assert [key.ip_allowlist for key in found] == [("10.0.0.0/8", "::1"), (), None]
    with store.write() as tx:
        tx.keys.save(replace(listed, ip_allowlist=None))
    with store.read() as tx:
        assert tx.keys.get(ORG, listed.id) == replace(listed, ip_allowlist=None)


def test_find_secret_tells_the_tools_that_its_project_denies_and_the_retention_in_force(store: Store) -> None:
    add(store, make_key(1), make_key(2, kind=KeyKind.ADMIN, project_id=None), make_key(3, project_id=OTHER_PROJECT))
    zero, ours = Retention.ZERO_DATA_RETENTION, Retention.MODIFIED_ABUSE_MONITORING
    denied = (HostedTool.MCP,)
    with store.write() as transaction:
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, denied_tools=denied, data_retention=zero))
    told = [(denied, zero), ((), ours), ((), ours)]
    assert [_policies(store, number) for number in (1, 2, 3)] == told
    with store.write() as transaction:
        organization = transaction.organizations.get(ORG)
        assert organization is not None
        transaction.organizations.save(replace(organization, data_retention=zero))
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, data_retention=Retention.NONE))
    assert [_policies(store, number) for number in (1, 2, 3)] == [((), Retention.NONE), ((), zero), ((), zero)]


def _policies(store: Store, number: int) -> tuple[tuple[HostedTool, ...], Retention]:
    with store.read() as transaction:
        found = transaction.keys.find_secret(f"pub00000000{number}")
    assert found is not None
    return found.denied_tools, found.retention


def test_find_secret_tells_the_model_permissions_of_its_project(store: Store) -> None:
    add(store, make_key(1), make_key(2, kind=KeyKind.ADMIN, project_id=None))
    permitted = ModelPermissions(Mode.ALLOW_LIST, ("gpt-4o",))
    with store.write() as transaction:
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, is_default=True, model_permissions=permitted))
    with store.read() as transaction:
        found = [transaction.keys.find_secret(f"pub00000000{n}") for n in (1, 2)]
    assert [ring and ring.model_permissions for ring in found] == [permitted, None]
