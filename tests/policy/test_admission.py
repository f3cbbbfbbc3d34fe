"""The order of refusal: whatever else is wrong with a request, the earlier reason is the one that is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest

from keyhouse.domain.certificates import Certificate
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.hosted_tools import HostedTool
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.operations import CHAT_COMPLETIONS, MODELS_LIST, Operation
from keyhouse.domain.permissions import READ_ONLY, Permissions
from keyhouse.edge import routes
from keyhouse.policy.admission import Knock, admit
from keyhouse.policy.authn import Authenticator
from keyhouse.policy.client_certificates import Anchors, ClientTrust
from keyhouse.policy.keyring import Credential, Keyring
from keyhouse.policy.peppers import Peppers
from tests.api import pem
from tests.policy.credentials import NOW, PEPPER, Shelf, made, ring_of
from tests.store.makers import ORG, PROJECT

PEPPERS = Peppers("p1", {"p1": PEPPER})


@dataclass
class Request:
    """A good request; a fault changes something of it."""

    facts: dict[str, Any] = field(default_factory=dict)
    broken_key: bool = False
    organization: bytes | None = ORG.encode()
    project: bytes | None = PROJECT.encode()
    method: bytes = b"POST"
    path: bytes = b"/v1/chat/completions"
    body_error: KeyhouseError | None = None
    denied_tools: tuple[HostedTool, ...] = ()
    may_have_keys: bool = True
    anchors: dict[str, Anchors] = field(default_factory=dict)


def kept(content: str) -> Certificate:
    return Certificate("cert_1", ORG, None, content, "", 0, 1, 0)


def wrong_key(request: Request) -> None:
    request.broken_key = True


def revoked_key(request: Request) -> None:
    request.facts["revoked_at"] = NOW - 1


def other_network(request: Request) -> None:
    request.facts["ip_allowlist"] = ("198.51.100.0/24",)


def other_organization(request: Request) -> None:
    request.organization = b"org-charlies"


def other_project(request: Request) -> None:
    request.project = b"proj_charlies"


def unknown_route(request: Request) -> None:
    request.path = b"/v1/nowhere"


def wrong_method(request: Request) -> None:
    request.method = b"GET"


def admin_key(request: Request) -> None:
    request.facts["kind"] = KeyKind.ADMIN


def archived_project(request: Request) -> None:
    request.facts["archived"] = True


def viewers_key(request: Request) -> None:
    request.may_have_keys = False


def no_certificate(request: Request) -> None:
    request.anchors = {PROJECT: Anchors([kept(pem.authority())])}


def missing_scope(request: Request) -> None:
    request.facts["permissions"] = READ_ONLY


def bad_body(request: Request) -> None:
    request.body_error = KeyhouseError(ErrorCode.INVALID_JSON, "No JSON.")


def other_model(request: Request) -> None:
    request.facts["models"] = ("o3",)


def denied_tool(request: Request) -> None:
    request.denied_tools = (HostedTool.MCP,)


Fault = Callable[[Request], None]
ORDER: list[tuple[Fault, str, int]] = [
    (wrong_key, "invalid_api_key", 401),
    (revoked_key, "invalid_api_key", 401),
    (other_network, "ip_not_authorized", 401),
    (other_organization, "mismatched_organization", 401),
    (other_project, "mismatched_project", 401),
    (unknown_route, "unknown_route", 404),
    (wrong_method, "method_not_allowed", 405),
    (admin_key, "insufficient_permissions", 403),
    (archived_project, "project_archived", 403),
    (viewers_key, "insufficient_permissions", 403),
    (no_certificate, "client_certificate_required", 403),
    (missing_scope, "insufficient_permissions", 403),
    (bad_body, "invalid_json", 400),
    (other_model, "model_not_allowed", 403),
    (denied_tool, "tool_not_allowed", 403),
]
PAIRS = [
    pytest.param(*pair, id=f"{pair[0][0].__name__} before {pair[1][0].__name__}") for pair in combinations(ORDER, 2)
]


@dataclass
class Told:
    """What became of a request: who was identified, whether its body was read, and how it ended."""

    error: KeyhouseError | None = None
    passed: tuple[Credential, Operation] | None = None
    identified: list[Credential] = field(default_factory=list)
    bodies_read: int = 0


async def knocked(request: Request, while_reading: Callable[[Keyring, Shelf], None] = lambda *_: None) -> Told:
    value, stored = made(PEPPERS, **request.facts)
    shelf, told = Shelf(replace(stored, denied_tools=request.denied_tools, may_have_keys=request.may_have_keys)), Told()

    async def model(_: Operation) -> str | None:
        told.bodies_read += 1
        while_reading(ring, shelf)
        if request.body_error is not None:
            raise request.body_error
        return "gpt-4o"

    with ring_of(shelf) as ring:
        authorization = b"Bearer " + value[: -1 if request.broken_key else None].encode()
        knock = Knock(
            authorization,
            request.organization,
            request.project,
            "203.0.113.9",
            told.identified.append,
            lambda: routes.find(request.method, request.path),
            model,
            lambda: [(HostedTool.MCP, "tools[0].type")],
            lambda: None,
        )
        told.error, told.passed = await outcome(
            admit(knock, Authenticator(ring, PEPPERS), ClientTrust(request.anchors), NOW)
        )
    return told


async def outcome(
    admitted: Awaitable[tuple[Credential, Operation]],
) -> tuple[KeyhouseError | None, tuple[Credential, Operation] | None]:
    try:
        return None, await admitted
    except KeyhouseError as error:
        return error, None


async def test_a_good_request_passes_with_its_credential_and_operation() -> None:
    told = await knocked(Request())
    assert told.passed is not None
    assert told.passed == (told.identified[0], CHAT_COMPLETIONS)
    assert told.bodies_read == 1


async def test_headers_that_are_not_sent_are_no_mismatch() -> None:
    assert (await knocked(Request(organization=None, project=None))).passed is not None


@pytest.mark.parametrize(("fault", "code", "status"), ORDER, ids=[fault.__name__ for fault, _, _ in ORDER])
async def test_each_fault_alone_is_refused(fault: Fault, code: str, status: int) -> None:
    request = Request()
    fault(request)
    error = (await knocked(request)).error
    assert error is not None
    assert (error.code.code, error.code.status) == (code, status)


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
async def test_the_earlier_refusal_wins(earlier: tuple[Fault, str, int], later: tuple[Fault, str, int]) -> None:
    alone, both = Request(), Request()
    earlier[0](alone)
    later[0](both)
    earlier[0](both)
    if {earlier[0], later[0]} == {unknown_route, wrong_method}:
        both.method, both.path = b"GET", b"/v1/nowhere"
    first, error = (await knocked(alone)).error, (await knocked(both)).error
    assert first is not None
    assert error is not None
    assert error.code is first.code
    assert error.message[:12] == first.message[:12]


async def test_with_every_fault_at_once_it_is_the_key() -> None:
    request = Request()
    for fault, _, _ in ORDER:
        fault(request)
    told = await knocked(request)
    assert told.error is not None
    assert told.error.message.startswith("Incorrect API key provided.")
    assert told.identified == [], "whoever it was, it was nobody"


@pytest.mark.parametrize(("fault", "code", "status"), ORDER, ids=[fault.__name__ for fault, _, _ in ORDER])
async def test_a_body_is_read_only_for_who_may_call(fault: Fault, code: str, status: int) -> None:
    request = Request()
    fault(request)
    told = await knocked(request)
    assert told.bodies_read == (1 if fault in {bad_body, other_model, denied_tool} else 0)
    assert bool(told.identified) == (fault not in {wrong_key, revoked_key})


async def test_a_key_that_reads_only_may_list_models() -> None:
    told = await knocked(Request(facts={"permissions": READ_ONLY}, method=b"GET", path=b"/v1/models"))
    assert told.passed is not None
    assert told.passed[1] is MODELS_LIST


async def test_a_key_with_no_permission_at_all_may_do_nothing() -> None:
    for method, path in ((b"GET", b"/v1/models"), (b"POST", b"/v1/embeddings")):
        told = await knocked(Request(facts={"permissions": Permissions("restricted")}, method=method, path=path))
        assert told.error is not None
        assert told.error.code is ErrorCode.INSUFFICIENT_PERMISSIONS


async def test_an_empty_list_of_models_allows_none() -> None:
    told = await knocked(Request(facts={"models": ()}))
    assert told.error is not None
    assert told.error.code is ErrorCode.MODEL_NOT_ALLOWED


async def test_a_key_that_changed_while_the_body_was_read_is_looked_at_again() -> None:
    def revoke(ring: Keyring, shelf: Shelf) -> None:
        for public_id, stored in list(shelf.secrets.items()):
            shelf.secrets.pop(public_id)
            ring.evict_key(stored.key.id)

    told = await knocked(Request(), revoke)
    assert told.error is not None
    assert told.error.code is ErrorCode.INVALID_API_KEY


async def test_a_key_that_was_only_forgotten_meanwhile_passes() -> None:
    evictions = iter([True])

    def evict(ring: Keyring, shelf: Shelf) -> None:
        if next(evictions, False):
            ring.evict_key("key_1")

    told = await knocked(Request(), evict)
    assert told.passed is not None
    assert told.bodies_read == 2, "the second time it is there already"
    assert told.passed[0] is told.identified[1]


async def test_a_key_that_was_narrowed_to_other_addresses_while_the_body_was_read_is_refused() -> None:
    def narrow(ring: Keyring, shelf: Shelf) -> None:
        for public_id, stored in list(shelf.secrets.items()):
            shelf.secrets[public_id] = replace(stored, key=replace(stored.key, ip_allowlist=("198.51.100.0/24",)))
            ring.evict_key(stored.key.id)

    told = await knocked(Request(), narrow)
    assert told.error is not None
    assert told.error.code is ErrorCode.IP_NOT_AUTHORIZED
    assert told.bodies_read == 1
