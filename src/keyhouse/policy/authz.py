"""What a credential may do: organization, project, scope, model. Everything that is not granted is refused."""

from __future__ import annotations

from collections.abc import Iterable

from keyhouse.domain.errors import ErrorCode, KeyhouseError, shown
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.permissions import Access, Resource, model_allowed, scope
from keyhouse.policy.keyring import Credential


def require_home(credential: Credential, organization: bytes | None, project: bytes | None) -> None:
    """`OpenAI-Organization` and `OpenAI-Project`, where they are sent, must be the key's own. Raises 401 as OpenAI does."""
    if organization is not None and organization != credential.organization_id.encode():
        message = f"OpenAI-Organization header should match organization for API key: {credential.organization_id}."
        raise KeyhouseError(ErrorCode.MISMATCHED_ORGANIZATION, message)
    if project is not None and project != credential.project_id.encode():
        message = f"OpenAI-Project header should match project for API key: {credential.project_id or 'it has none'}."
        raise KeyhouseError(ErrorCode.MISMATCHED_PROJECT, message)


def require_project_key(credential: Credential) -> None:
    """Admin keys administer; they call no model."""
    if credential.kind is KeyKind.ADMIN:
        message = "An admin key cannot be used here: it opens the administration API only. Use a project API key."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)
    if credential.project_archived:
        message = f"Project {credential.project_id} is archived; its API keys are no longer accepted."
        raise KeyhouseError(ErrorCode.PROJECT_ARCHIVED, message)
    if not credential.may_have_keys:
        message = (
            f"The API key '{credential.key.name}' is of a person who may have no keys in project {credential.project_id}: "
            "none of their roles lets them. An owner of the project can give them one."
        )
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)


def require_admin_key(credential: Credential) -> None:
    """Project keys call models; they administer nothing."""
    if credential.kind is not KeyKind.ADMIN:
        message = "A project API key cannot be used here: the administration API needs an admin key (sk-khadm_…)."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)


def require_scope(credential: Credential, bit: int, resource: Resource, access: Access) -> None:
    """`bit` is the scope's, computed once for each operation."""
    if not credential.mask & bit:
        message = f"You have insufficient permissions for this operation. Missing scopes: {scope(resource, access)}."
        raise KeyhouseError(ErrorCode.INSUFFICIENT_PERMISSIONS, message)


def require_model(credential: Credential, model: str) -> None:
    if credential.models is not None and not model_allowed(model, credential.models):
        message = f"The API key '{credential.key.name}' is restricted to other models than '{shown(model)}'."
        raise KeyhouseError(ErrorCode.MODEL_NOT_ALLOWED, message, param="model")
    if credential.project_models is not None and not credential.project_models.allows(model):
        message = f"The model permissions of project {credential.project_id} do not allow the model '{shown(model)}'."
        raise KeyhouseError(ErrorCode.MODEL_NOT_ALLOWED, message, param="model")


def require_tools(credential: Credential, asked_for: Iterable[tuple[HostedTool, str]]) -> None:
    """`asked_for`: hosted tools, each with the field that asks for it."""
    for tool, param in asked_for:
        if tool in credential.denied_tools:
            message = f"Project {credential.project_id} does not permit the hosted tool '{tool.value}'."
            raise KeyhouseError(ErrorCode.TOOL_NOT_ALLOWED, message, param=param)


def may_see_model(credential: Credential, model: str) -> bool:
    """Whether a list of models has this one: what `require_model` lets pass."""
    permitted = credential.project_models is None or credential.project_models.allows(model)
    return permitted and model_allowed(model, credential.models)
