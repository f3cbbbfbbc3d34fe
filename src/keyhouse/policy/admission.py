"""The gate: may this call happen?

The order of refusal is fixed: 401 before anything else, then 404 and 405 for the route, 403, 400, 429. Nothing has reached an
upstream when any of them is raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.operations import Operation
from keyhouse.policy.authn import Authenticator
from keyhouse.policy.authz import require_home, require_model, require_project_key, require_scope, require_tools
from keyhouse.policy.client_certificates import ClientTrust, Shown, require_certificate
from keyhouse.policy.keyring import Credential
from keyhouse.policy.network import require_network


@dataclass(slots=True)
class Knock:
    """What a request says of itself before its body is read. Header values are raw, None where absent.

    `identified` is called with the credential as soon as it is known: whatever is refused later is refused to somebody."""

    authorization: bytes | None
    organization: bytes | None
    project: bytes | None
    address: str
    """The client's; "" where it cannot be known."""
    identified: Callable[[Credential], None]
    operation: Callable[[], Operation]
    """The route's operation; raises `unknown_route` or `method_not_allowed`."""
    model: Callable[[Operation], Awaitable[str | None]]
    """Reads and checks the body; the model it names. Raises 400, 408 and 413."""
    tools: Callable[[], Iterable[tuple[HostedTool, str]]]
    """The hosted tools that the body asks for, each with the field that does. Raises 400."""
    shown: Callable[[], Shown | None]
    """The certificates that the client showed on its connection; None: none."""


async def admit(
    knock: Knock, authenticator: Authenticator, trust: ClientTrust, now: int
) -> tuple[Credential, Operation]:
    """Lets a call pass at `now` (Unix seconds), or raises `KeyhouseError`. What passes is in force when this returns."""
    while True:
        anchors = trust.anchors
        credential, operation = await _pass(knock, authenticator, trust, now)
        # A body takes its time. A key that was changed meanwhile is looked at again, or what its owner revoked would still pass.
        # So are the certificates.
        if authenticator.holds(credential) and trust.anchors is anchors:
            return credential, operation


async def _pass(
    knock: Knock, authenticator: Authenticator, trust: ClientTrust, now: int
) -> tuple[Credential, Operation]:
    credential = await authenticator.authenticate(knock.authorization, now)
    knock.identified(credential)
    require_network(credential, knock.address)
    require_home(credential, knock.organization, knock.project)
    operation = knock.operation()
    require_project_key(credential)
    if trust.anchors:
        require_certificate(trust, credential, knock.shown, now)
    require_scope(credential, operation.bit, operation.resource, operation.access)
    model = await knock.model(operation)
    if model is not None:
        require_model(credential, model)
        if credential.denied_tools:
            require_tools(credential, knock.tools())
    return credential, operation
