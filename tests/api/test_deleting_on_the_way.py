"""Who deletes what a list holds while walking over it sees each thing once: a cursor outlives what it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.api.pem import authority
from tests.api.sdks.drivers import PythonSdk
from tests.api.sdks.people import person
from tests.api.sdks.things import ALERT
from tests.api.served import Served

Make = Callable[[PythonSdk, Served, int], str]
COUNT = 5


@dataclass(frozen=True)
class Kind:
    """A list of the SDK: how the nth thing of it is made, and how it is deleted. `of_project`: the project's id stands first in
    the list and is named by what deletes."""

    list: str
    make: Make
    delete: str
    of_project: bool = False
    by: str = "id"


def _group(sdk: PythonSdk, _: Served, n: int) -> str:
    return str(sdk("groups.create", name=f"Group {n}")["id"])


def _role(sdk: PythonSdk, _: Served, n: int) -> str:
    return str(sdk("roles.create", role_name=f"role {n}", permissions=[])["id"])


def _group_in_project(sdk: PythonSdk, api: Served, n: int) -> str:
    found = _group(sdk, api, n)
    sdk("projects.groups.create", api.house.project_id, group_id=found, role="role-project-viewer")
    return found


def _invite(sdk: PythonSdk, _: Served, n: int) -> str:
    return str(sdk("invites.create", email=f"guest{n}@example.com", role="reader")["id"])


def _account(sdk: PythonSdk, api: Served, n: int) -> str:
    return str(sdk("projects.service_accounts.create", api.house.project_id, name=f"robo {n}")["id"])


def _key(_: PythonSdk, api: Served, n: int) -> str:
    return str(api.post(f"{api.project}/api_keys", {"name": f"key {n}"})["id"])


def _admin_key(sdk: PythonSdk, _: Served, n: int) -> str:
    return str(sdk("admin_api_keys.create", name=f"ops {n}")["id"])


def _in_project(sdk: PythonSdk, api: Served, n: int) -> str:
    found = person(api, f"bob{n}")
    sdk("projects.users.create", api.house.project_id, user_id=found, role="member")
    return found


def _certificate(sdk: PythonSdk, *_: object) -> str:
    return str(sdk("certificates.create", certificate=authority())["id"])


def _project(sdk: PythonSdk, _: Served, n: int) -> str:
    return str(sdk("projects.create", name=f"Project {n}")["id"])


def _alert(sdk: PythonSdk, *_: object) -> str:
    return str(sdk("spend_alerts.create", **ALERT)["id"])


def _alert_of_project(sdk: PythonSdk, api: Served, _: int) -> str:
    return str(sdk("projects.spend_alerts.create", api.house.project_id, **ALERT)["id"])


def _person(_: PythonSdk, api: Served, n: int) -> str:
    return person(api, f"bob{n}")


KINDS = (
    Kind("admin_api_keys.list", _admin_key, "admin_api_keys.delete"),
    Kind("projects.api_keys.list", _key, "projects.api_keys.delete", of_project=True),
    Kind("certificates.list", _certificate, "certificates.delete"),
    Kind("groups.list", _group, "groups.delete"),
    Kind("invites.list", _invite, "invites.delete"),
    Kind("projects.list", _project, "projects.archive"),
    Kind("projects.groups.list", _group_in_project, "projects.groups.delete", of_project=True, by="group_id"),
    Kind("projects.service_accounts.list", _account, "projects.service_accounts.delete", of_project=True),
    Kind("projects.spend_alerts.list", _alert_of_project, "projects.spend_alerts.delete", of_project=True),
    Kind("projects.users.list", _in_project, "projects.users.delete", of_project=True),
    Kind("roles.list", _role, "roles.delete"),
    Kind("spend_alerts.list", _alert, "spend_alerts.delete"),
    Kind("users.list", _person, "users.delete"),
)


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.list)
def test_what_is_deleted_on_the_way_is_seen_once(api: Served, kind: Kind, limit: int) -> None:
    sdk = PythonSdk(api)
    made = []
    for n in range(COUNT):
        api.house.clock.now += 1
        made.append(kind.make(sdk, api, n))
    first = (api.house.project_id,) if kind.of_project else ()
    named = {"project_id": api.house.project_id} if kind.of_project else {}
    seen = []
    for item in sdk.each(kind.list, *first, limit=limit):
        if item[kind.by] in made:
            seen.append(item[kind.by])
            sdk(kind.delete, item[kind.by], **named)
    assert sorted(seen) == sorted(made)
    assert not {item[kind.by] for item in sdk.every(kind.list, *first)} & set(made)
    sdk.close()
