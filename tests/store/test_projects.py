"""Organizations, projects and service accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.data_retention import Retention
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.model_permissions import Mode, ModelPermissions
from keyhouse.domain.projects import Organization, Project, Residency, ServiceAccount
from keyhouse.store.contract import Page, Store
from tests.store.makers import ORG, OTHER_ORG, OTHER_PROJECT, PROJECT, ROBO


def test_organizations_are_found_by_id_and_listed_oldest_first(store: Store) -> None:
    with store.read() as transaction:
        house, other = transaction.organizations.all()
        assert (house.id, other.id) == (ORG, OTHER_ORG)
        assert transaction.organizations.get(ORG) == house
        assert transaction.organizations.get("org-none") is None


def test_an_organization_is_saved(store: Store) -> None:
    with store.write() as transaction:
        found = transaction.organizations.get(ORG)
        assert found is not None
        assert found.data_retention is Retention.MODIFIED_ABUSE_MONITORING
        changed = replace(found, data_retention=Retention.ENHANCED_ZERO_DATA_RETENTION)
        transaction.organizations.save(changed)
        with pytest.raises(KeyhouseError) as caught:
            transaction.organizations.save(replace(found, id="org-none"))
    assert caught.value.code is ErrorCode.NOT_FOUND
    with store.read() as transaction:
        assert transaction.organizations.get(ORG) == changed
        assert transaction.organizations.get(OTHER_ORG) != changed


def test_the_organization_that_was_added_first_stays_first_whatever_its_age_and_id(store: Store) -> None:
    older = Organization("org-a", "Older", 1)
    with store.write() as transaction:
        transaction.organizations.add(older)
    with store.read() as transaction:
        assert [organization.id for organization in transaction.organizations.all()] == [ORG, OTHER_ORG, "org-a"]
        first = transaction.organizations.first()
    assert first is not None
    assert first.id == ORG


def test_a_name_is_one_organizations(store: Store) -> None:
    with pytest.raises(KeyhouseError) as caught, store.write() as transaction:
        transaction.organizations.add(Organization("org-twin", "House", 200))
    assert caught.value.code is ErrorCode.CONFLICT
    with pytest.raises(KeyhouseError) as caught, store.write() as transaction:
        transaction.organizations.save(Organization(OTHER_ORG, "House", 101))
    assert caught.value.code is ErrorCode.CONFLICT


def test_a_project_comes_back_as_it_was_stored(store: Store) -> None:
    permitted = ModelPermissions(Mode.DENY_LIST, ("o3", "模型"))
    denied = (HostedTool.FILE_SEARCH, HostedTool.MCP)
    place, external_key = Residency.EU_STORAGE_PROCESSING, "arn:aws:kms:schlüssel"
    kept = Retention.ZERO_DATA_RETENTION
    project = Project("proj_x", ORG, "X", 500, False, 501, permitted, denied, kept, place, external_key)
    with store.write() as transaction:
        transaction.projects.add(project)
    with store.read() as transaction:
        found = transaction.projects.get(ORG, "proj_x")
    assert found == project
    assert found is not None
    assert found.is_default is False


def test_another_organizations_project_is_not_found(store: Store) -> None:
    with store.read() as transaction:
        assert transaction.projects.get(OTHER_ORG, PROJECT) is None


def test_saving_overwrites_the_project(store: Store) -> None:
    changed = Project(PROJECT, ORG, "Renamed", 100, is_default=True, archived_at=900)
    with store.write() as transaction:
        transaction.projects.save(changed)
    with store.read() as transaction:
        assert transaction.projects.get(ORG, PROJECT) == changed


def test_saving_what_was_never_added_is_refused(store: Store) -> None:
    with pytest.raises(KeyhouseError) as caught, store.write() as transaction:
        transaction.projects.save(Project("proj_none", ORG, "None", 1))
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_archived_projects_are_listed_only_where_they_are_asked_for(store: Store) -> None:
    with store.write() as transaction:
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, is_default=True, archived_at=900))
    with store.read() as transaction:
        shown = transaction.projects.list(ORG, Page())
        every = transaction.projects.list(ORG, Page(), include_archived=True)
    assert [project.id for project in shown.items] == [OTHER_PROJECT]
    assert [project.id for project in every.items] == [PROJECT, OTHER_PROJECT]


def test_a_project_archived_between_two_pages_still_marks_its_place(store: Store) -> None:
    with store.write() as transaction:
        transaction.projects.save(Project(PROJECT, ORG, "Default", 100, is_default=True, archived_at=900))
    with store.read() as transaction:
        assert [p.id for p in transaction.projects.list(ORG, Page(after=PROJECT)).items] == [OTHER_PROJECT]


def test_service_accounts_live_in_their_project(store: Store) -> None:
    with store.read() as transaction:
        accounts = transaction.service_accounts
        assert accounts.get(ORG, PROJECT, ROBO) == ServiceAccount(ROBO, ORG, PROJECT, "robo", "member", 103)
        assert accounts.get(ORG, OTHER_PROJECT, ROBO) is None
        assert accounts.get(OTHER_ORG, PROJECT, ROBO) is None
        assert [a.id for a in accounts.list(ORG, PROJECT, Page()).items] == [ROBO]
        assert accounts.list(ORG, OTHER_PROJECT, Page()).items == ()


def test_a_deleted_service_account_is_kept_and_shown_only_where_it_is_asked_for(store: Store) -> None:
    with store.write() as transaction:
        robo = transaction.service_accounts.get(ORG, PROJECT, ROBO)
        assert robo is not None
        transaction.service_accounts.save(replace(robo, deleted_at=900))
    with store.read() as transaction:
        accounts = transaction.service_accounts
        assert accounts.get(ORG, PROJECT, ROBO) is None
        assert accounts.list(ORG, PROJECT, Page()).items == ()
        assert accounts.get(ORG, PROJECT, ROBO, include_deleted=True) == replace(robo, deleted_at=900)
        assert accounts.some(ORG, [ROBO, "svc_acct_none"]) == {ROBO: replace(robo, deleted_at=900)}
        assert accounts.some(OTHER_ORG, [ROBO]) == {}
