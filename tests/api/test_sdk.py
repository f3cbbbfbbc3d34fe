"""OpenAI's own SDK drives the administration API unmodified."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.api.served import Served


@pytest.fixture
def admin(api: Served) -> Iterator[openai.OpenAI]:
    with api.sdk(max_retries=2) as client:
        yield client


def test_sdk_pages_through_projects(admin: openai.OpenAI) -> None:
    names = {f"p{number}" for number in range(5)}
    for name in names:
        admin.admin.organization.projects.create(name=name)
    listed = list(admin.admin.organization.projects.list(limit=2))
    assert {project.name for project in listed} == names | {"Default project"}


def test_sdk_manages_keys_and_accounts(api: Served, admin: openai.OpenAI) -> None:
    projects = admin.admin.organization.projects
    project_id = api.house.project_id
    api.house.clock.now += 1
    robo = projects.service_accounts.create(project_id, name="robo")
    assert robo.api_key is not None
    assert api.house.accepts(robo.api_key.value)
    listed = list(projects.api_keys.list(project_id, limit=1))
    assert [key.owner.type for key in listed] == ["user", "service_account"]
    gone = projects.api_keys.delete(listed[0].id, project_id=project_id)
    assert gone.deleted
    assert not api.house.accepts(api.house.facts.api_key)
    assert projects.service_accounts.delete(robo.id, project_id=project_id).deleted
    assert not api.house.accepts(robo.api_key.value)


def test_sdk_manages_admin_keys(api: Served, admin: openai.OpenAI) -> None:
    api.house.clock.now += 1
    made = admin.admin.organization.admin_api_keys.create(name="ops", expires_in_seconds=60)
    assert api.house.accepts(made.value)
    assert [key.name for key in admin.admin.organization.admin_api_keys.list(limit=1, order="asc")] == [
        "First admin key", "ops",
    ]  # fmt: skip
    assert admin.admin.organization.admin_api_keys.delete(made.id).deleted
    assert not api.house.accepts(made.value)


def test_sdk_raises_its_own_errors_and_does_not_repeat_a_refusal(api: Served, admin: openai.OpenAI) -> None:
    with pytest.raises(openai.ConflictError) as refused:
        admin.admin.organization.projects.archive(api.house.project_id)
    assert refused.value.code == "conflict"
    assert refused.value.request_id is not None
    with pytest.raises(openai.NotFoundError):
        admin.admin.organization.projects.retrieve("proj_none")
    with pytest.raises(openai.BadRequestError) as bad:
        admin.admin.organization.projects.create(name="")
    assert bad.value.param == "name"
