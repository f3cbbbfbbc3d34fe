"""What a credential may do; what is not granted is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from keyhouse.domain.errors import KeyhouseError
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.operations import OPERATIONS
from keyhouse.domain.permissions import Access, Permissions, Resource
from keyhouse.policy.authz import require_admin_key, require_home, require_model, require_project_key, require_scope
from keyhouse.policy.keyring import Credential, credential_of
from keyhouse.policy.peppers import Peppers
from tests.policy.credentials import PEPPER, made
from tests.store.makers import ORG, PROJECT


def credential(**facts: Any) -> Credential:
    return credential_of(made(Peppers("p1", {"p1": PEPPER}), **facts)[1])


ADMIN = {"kind": KeyKind.ADMIN, "project_id": None}


@pytest.mark.parametrize(
    "organization", [b"", b"org", ORG.upper().encode(), ORG.encode() + b" ", ORG.encode() + b"x", b"\xff"]
)
def test_another_organization_is_a_mismatch(organization: bytes) -> None:
    with pytest.raises(KeyhouseError, match=f"should match organization for API key: {ORG}") as refused:
        require_home(credential(), organization, None)
    assert refused.value.code.code == "mismatched_organization"


def test_another_project_is_a_mismatch_and_an_admin_key_has_none() -> None:
    with pytest.raises(KeyhouseError, match=f"should match project for API key: {PROJECT}") as refused:
        require_home(credential(), ORG.encode(), b"proj_other")
    assert refused.value.code.code == "mismatched_project"
    with pytest.raises(KeyhouseError, match="it has none"):
        require_home(credential(**ADMIN), None, PROJECT.encode())


def test_ones_own_or_none_is_no_mismatch() -> None:
    require_home(credential(), ORG.encode(), PROJECT.encode())
    require_home(credential(), None, None)
    require_home(credential(**ADMIN), ORG.encode(), None)


def test_admin_keys_administer_and_project_keys_call() -> None:
    require_project_key(credential())
    require_project_key(credential(kind=KeyKind.SERVICE_ACCOUNT))
    require_admin_key(credential(**ADMIN))
    with pytest.raises(KeyhouseError, match="An admin key cannot be used here"):
        require_project_key(credential(**ADMIN))
    for kind in (KeyKind.USER, KeyKind.SERVICE_ACCOUNT):
        with pytest.raises(KeyhouseError, match="A project API key cannot be used here"):
            require_admin_key(credential(kind=kind))


def test_a_key_of_an_archived_project_is_refused() -> None:
    with pytest.raises(KeyhouseError, match=f"Project {PROJECT} is archived") as refused:
        require_project_key(credential(archived=True))
    assert refused.value.code.code == "project_archived"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_asks_for_its_own_scope_and_names_it(operation: Any) -> None:
    just_enough = Permissions("restricted", ((operation.resource, operation.access),))
    require_scope(credential(permissions=just_enough), operation.bit, operation.resource, operation.access)
    everything_else = tuple((resource, Access.WRITE) for resource in Resource if resource is not operation.resource)
    scope = f"api.{operation.resource.value}.{operation.access.value}"
    with pytest.raises(KeyhouseError, match=f"Missing scopes: {scope}") as refused:
        require_scope(
            credential(permissions=Permissions("restricted", everything_else)),
            operation.bit,
            operation.resource,
            operation.access,
        )
    assert refused.value.code.code == "insufficient_permissions"


def test_a_model_outside_the_list_is_refused_by_name() -> None:
    require_model(credential(), "anything")
    require_model(credential(models=("gpt-*",)), "gpt-4o")
    with pytest.raises(
        KeyhouseError, match="'Alice's laptop' is restricted to other models than 'o3\\\\u000a'"
    ) as refused:
        require_model(credential(models=("gpt-*",)), "o3\n")
    assert refused.value.param == "model"
    with pytest.raises(KeyhouseError):
        require_model(credential(models=()), "gpt-4o")
