"""Projects: created, renamed, archived for good."""

from __future__ import annotations

import pytest

from keyhouse.control import keys, projects, service_accounts
from keyhouse.control.context import Caller
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.control.project_fields import ProjectFields
from keyhouse.domain.audit import EventType
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.projects import Residency
from keyhouse.store.contract import ChangeKind
from tests.control.houses import NOW, House

STORES = ("sqlite", "postgres")


def test_project_is_created_shown_and_listed(house: House) -> None:
    made = projects.create(house.control, house.caller, " Search ")
    assert (made.name, made.status, made.created_at) == ("Search", "active", NOW)
    assert projects.show(house.control, house.caller, made.id) == made
    listed = projects.list_page(house.control, house.caller)
    assert {project.name for project in listed.items} == {"Default project", "Search"}
    event = house.events()[-1]
    assert (event.type, event.object_id, event.details) == (
        EventType.PROJECT_CREATED,
        made.id,
        {"data": {"name": "Search", "title": "Search"}},
    )


def test_project_is_renamed(house: House) -> None:
    made = projects.create(house.control, house.caller, "Search")
    projects.rename(house.control, house.caller, made.id, "Find")
    assert projects.show(house.control, house.caller, made.id).name == "Find"
    event = house.events()[-1]
    assert (event.type, event.details) == (
        EventType.PROJECT_UPDATED,
        {"changes_requested": {"name": "Find", "title": "Find"}},
    )


def test_what_is_kept_with_a_project_is_told_in_the_audit(house: House) -> None:
    given = ProjectFields("kms-1", geography="EU")
    made = projects.create(house.control, house.caller, "Search", given=given)
    kept = {"external_key_id": "kms-1", "residency": "EU_STORAGE_PROCESSING"}
    assert house.events()[-1].details == {"data": {"name": "Search", "title": "Search", **kept}}
    changed = projects.update(house.control, house.caller, made.id, given=ProjectFields(None, "JP_STORAGE"))
    assert (changed.name, changed.external_key_id, changed.residency) == ("Search", None, Residency.JP_STORAGE)
    told = {"external_key_id": None, "residency": "JP_STORAGE"}
    assert house.events()[-1].details == {"changes_requested": told}
    with pytest.raises(KeyhouseError, match="Give something to change"):
        projects.update(house.control, house.caller, made.id, name=None)


@pytest.mark.parametrize("name", [None, "", "a\tb", 5])
def test_bad_name_is_refused(house: House, name: object) -> None:
    with pytest.raises(KeyhouseError) as refused:
        projects.create(house.control, house.caller, name)
    assert refused.value.param == "name"
    with pytest.raises(KeyhouseError) as refused:
        projects.rename(house.control, house.caller, house.project_id, name)
    assert refused.value.param == "name"


def test_archived_project_refuses_its_keys_and_every_change(house: House) -> None:
    made = projects.create(house.control, house.caller, "Search")
    holder = Holder(KeyKind.USER, made.id)
    key = keys.create(house.control, house.caller, holder, KeyFields(name="a"))
    key_id = key.view.key.id
    archived = projects.archive(house.control, house.caller, made.id)
    assert (archived.status, archived.archived_at) == ("archived", NOW)
    assert not house.accepts(key.value)
    change = house.changes()[-1]
    assert (change.kind, change.object_id) == (ChangeKind.PROJECT, made.id)
    assert house.announced == [change.seq]
    control, caller = house.control, house.caller
    for call in (
        lambda: keys.create(control, caller, holder, KeyFields(name="b")),
        lambda: keys.update(control, caller, made.id, key_id, KeyFields(name="b")),
        lambda: keys.rotate(control, caller, made.id, key_id),
        lambda: keys.enable(control, caller, made.id, key_id),
        lambda: service_accounts.create(control, caller, made.id, "robo"),
        lambda: projects.rename(control, caller, made.id, "Find"),
    ):
        with pytest.raises(KeyhouseError, match="is archived; nothing in it can be created or changed") as refused:
            call()
        assert refused.value.code is ErrorCode.CONFLICT


def test_keys_of_an_archived_project_can_still_be_narrowed(house: House) -> None:
    made = projects.create(house.control, house.caller, "Search")
    key = keys.create(house.control, house.caller, Holder(KeyKind.USER, made.id), KeyFields(name="a"))
    projects.archive(house.control, house.caller, made.id)
    assert keys.disable(house.control, house.caller, made.id, key.view.key.id).status.value == "disabled"
    assert keys.revoke(house.control, house.caller, made.id, key.view.key.id).status.value == "revoked"


def test_archiving_twice_keeps_the_first_moment(house: House) -> None:
    made = projects.create(house.control, house.caller, "Search")
    projects.archive(house.control, house.caller, made.id)
    house.clock.now += 60
    assert projects.archive(house.control, house.caller, made.id).archived_at == NOW


def test_default_project_is_not_archived(house: House) -> None:
    with pytest.raises(KeyhouseError, match="Default project cannot be archived"):
        projects.archive(house.control, house.caller, house.project_id)
    assert house.accepts(house.facts.api_key)


def test_archived_projects_are_listed_where_it_is_asked(house: House) -> None:
    made = projects.create(house.control, house.caller, "Search")
    projects.archive(house.control, house.caller, made.id)
    assert made.id not in {p.id for p in projects.list_page(house.control, house.caller).items}
    everything = projects.list_page(house.control, house.caller, include_archived=True)
    assert made.id in {p.id for p in everything.items}


def test_another_organizations_project_is_not_found(house: House) -> None:
    charlie = Caller.operator("org-other")
    for call in (projects.show, projects.archive):
        with pytest.raises(KeyhouseError) as refused:
            call(house.control, charlie, house.project_id)
        assert refused.value.code is ErrorCode.NOT_FOUND
    assert not projects.exists(house.control, charlie, house.project_id)
    assert projects.exists(house.control, house.caller, house.project_id)
