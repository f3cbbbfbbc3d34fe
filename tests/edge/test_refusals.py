"""Every refusal of a call has its status, its code and its own sentence, and those to somebody known are in the log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from keyhouse.control import keys, model_permissions, projects
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.setup import FirstFacts
from keyhouse.domain import keyformat
from keyhouse.domain.keyformat import SecretKind
from tests.edge.raw import Answer, Raw, get, post, until
from tests.houses import RunningHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAT = b'{"model":"gpt-4o","messages":[]}'
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
INCORRECT = r"Incorrect API key provided\. See keyhouse keys list, or create a new key\."


def bearer(value: str | bytes) -> bytes:
    return b"authorization: Bearer " + (value.encode() if isinstance(value, str) else value)


async def asked(house: RunningHouse, request: bytes) -> Answer:
    async with Raw(house.port) as raw:
        return await raw.ask(request)


async def chat(house: RunningHouse, value: str, body: bytes = CHAT, *headers: bytes) -> Answer:
    return await asked(house, post(body, bearer(value), *headers))


def refused(answer: Answer, status: int, code: str, sentence: str, param: str | None = None) -> str:
    """Checks a refusal and returns its sentence."""
    error = answer.error
    assert (answer.status, error["code"], error["param"]) == (status, code, param)
    assert re.fullmatch(sentence, error["message"]), error["message"]
    return str(error["message"])


def in_log(house: RunningHouse, answer: Answer) -> bool:
    """Whether the log's entry of this request says what its caller was told."""
    found = {entry.request_id: entry for entry in house.refused()}.get(answer.headers.get("x-request-id", ""))
    return found is not None and (found.status, found.code, found.message) == (
        answer.status,
        answer.code,
        answer.error["message"],
    )


# --- 401: who calls ---


async def test_no_key_is_refused_with_how_to_send_one(house: RunningHouse) -> None:
    answer = await asked(house, post(CHAT))
    refused(answer, 401, "invalid_api_key", r"You didn't provide an API key\. Send it in an Authorization header: .*")
    assert not in_log(house, answer)


def wrong_keys(facts: FirstFacts) -> dict[str, bytes]:
    good = facts.api_key
    last = "0" if good[-1] != "0" else "1"
    return {
        "right in all but its last character": bearer(good[:-1] + last),
        "right but for one character more": bearer(good + "a"),
        "right but for one character less": bearer(good[:-1]),
        "the same secret with its checksum made good": bearer(forged(good)),
        "unknown": bearer(keyformat.mint(SecretKind.PROJECT).value),
        "no key at all": bearer("hunter2"),
        "empty": b"authorization: Bearer ",
        "another scheme": b"authorization: Basic " + good.encode(),
        "no scheme": b"authorization: " + good.encode(),
        "bytes beyond ASCII": bearer(b"sk-kh_\xff\xfe"),
        "two keys": bearer(f"{good} {good}"),
        "long": bearer("sk-kh_" + "a" * 10_000),
        "as another kind": bearer(good.replace("sk-kh_", "sk-khadm_")),
    }


def forged(good: str) -> str:
    """The key with another secret behind its public id, well-formed."""
    body = good[:-7] + ("x" if good[-7] != "x" else "y")
    return body + keyformat.checksum(body)


@pytest.mark.parametrize("what", wrong_keys(FirstFacts("", "", "", keyformat.mint(SecretKind.PROJECT).value, "", "")))
async def test_unknown_and_wrong_keys_get_one_and_the_same_answer(house: RunningHouse, what: str) -> None:
    answer = await asked(house, post(CHAT, wrong_keys(house.facts)[what]))
    refused(answer, 401, "invalid_api_key", INCORRECT)
    assert set(answer.headers) == {"x-request-id", "openai-processing-ms", "content-type", "content-length"}
    assert not in_log(house, answer)


async def test_a_key_of_a_megabyte_is_refused_at_once(house: RunningHouse) -> None:
    answer = await asked(house, post(CHAT, bearer(b"k" * 1_000_000)))
    refused(answer, 431, "headers_too_large", r"The request head is over 65,536 bytes\.")


async def test_the_right_key_is_taken_however_bearer_is_written(house: RunningHouse) -> None:
    for scheme in (b"Bearer", b"bearer", b"BEARER"):
        line = b"Authorization: " + scheme + b"  " + house.facts.api_key.encode() + b" "
        assert (await asked(house, get(b"/v1/models", line))).status == 200


async def test_a_revoked_key_is_refused(house: RunningHouse) -> None:
    made = await house.key()
    await house.do(keys.revoke, house.facts.project_id, made.view.key.id)
    answer = await chat(house, made.value)
    refused(
        answer,
        401,
        "invalid_api_key",
        rf"The API key sk-kh_….{{4}} \('Alice's laptop'\) was revoked on {DATE} and stays so\.",
    )
    wrong = await chat(house, forged(made.value))
    refused(wrong, 401, "invalid_api_key", INCORRECT)


async def test_an_expired_key_is_refused(house: RunningHouse) -> None:
    made = await house.key(expires_in_seconds=1)
    await asyncio.sleep(1.0)
    await until_refused(lambda: chat(house, made.value), "was refused")
    answer = await chat(house, made.value)
    refused(answer, 401, "invalid_api_key", rf"The API key sk-kh_….{{4}} \('Alice's laptop'\) expired on {DATE}\.")


async def until_refused(ask: Callable[[], Awaitable[Answer]], why: str) -> None:
    async with asyncio.timeout(3):
        while (await ask()).status != 401:
            await asyncio.sleep(0.05)


async def test_a_disabled_key_is_refused_until_it_is_enabled(house: RunningHouse) -> None:
    made = await house.key()
    await house.do(keys.disable, house.facts.project_id, made.view.key.id)
    refused(
        await chat(house, made.value),
        401,
        "api_key_disabled",
        r"The API key sk-kh_….{4} \('Alice's laptop'\) is disabled until its owner or an administrator enables it\.",
    )
    await house.do(keys.enable, house.facts.project_id, made.view.key.id)
    assert (await asked(house, get(b"/v1/models", bearer(made.value)))).status == 200


async def test_a_rotated_secret_works_in_its_grace_and_is_refused_after_it(house: RunningHouse) -> None:
    made = await house.key()
    graceful = await house.do(keys.rotate, house.facts.project_id, made.view.key.id, grace_seconds=3600)
    for value in (made.value, graceful.value):
        assert (await asked(house, get(b"/v1/models", bearer(value)))).status == 200
    sudden = await house.do(keys.rotate, house.facts.project_id, made.view.key.id, grace_seconds=0)
    for value in (made.value, graceful.value):
        refused(
            await chat(house, value),
            401,
            "invalid_api_key",
            rf"The API key sk-kh_….{{4}} \('Alice's laptop'\) was rotated, and the old secret ended on {DATE}; use the new one\.",
        )
    assert (await asked(house, get(b"/v1/models", bearer(sudden.value)))).status == 200


async def test_a_wrong_organization_is_refused(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.api_key, CHAT, b"OpenAI-Organization: org-other")
    sentence = rf"OpenAI-Organization header should match organization for API key: {house.facts.organization_id}\."
    refused(answer, 401, "mismatched_organization", sentence)
    assert in_log(house, answer)


async def test_a_wrong_project_is_refused(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.api_key, CHAT, b"OpenAI-Project: proj_other")
    sentence = rf"OpenAI-Project header should match project for API key: {house.facts.project_id}\."
    refused(answer, 401, "mismatched_project", sentence)
    assert in_log(house, answer)


async def test_the_keys_own_organization_and_project_are_no_mismatch(house: RunningHouse) -> None:
    ours = (
        b"openai-organization: " + house.facts.organization_id.encode(),
        b"openai-project: " + house.facts.project_id.encode(),
    )
    answer = await asked(house, get(b"/v1/models", bearer(house.facts.api_key), *ours))
    assert answer.status == 200
    assert answer.headers["openai-organization"] == house.facts.organization_id
    assert answer.headers["openai-project"] == house.facts.project_id


# --- 404, 405, 403 ---


async def test_an_unknown_route_is_refused_to_a_known_caller_only(house: RunningHouse) -> None:
    answer = await asked(house, post(CHAT, bearer(house.facts.api_key), path=b"/v1/images/generations"))
    refused(
        answer,
        404,
        "unknown_route",
        r"Unknown request URL: POST /v1/images/generations\. No operation is served there\.",
    )
    assert in_log(house, answer)
    assert (await asked(house, post(CHAT, path=b"/v1/images/generations"))).status == 401


@pytest.mark.parametrize("path", [b"/", b"/v1", b"/v2/models", b"/favicon.ico", b"/v1/projects/"])
async def test_a_path_outside_the_data_plane_is_no_secret(house: RunningHouse, path: bytes) -> None:
    answer = await asked(house, get(path))
    assert answer.status in {401, 404}
    assert answer.error["message"]


async def test_a_wrong_method_is_refused_with_the_right_ones(house: RunningHouse) -> None:
    answer = await asked(house, get(b"/v1/chat/completions", bearer(house.facts.api_key)))
    refused(answer, 405, "method_not_allowed", r"GET is not allowed on /v1/chat/completions; allowed: POST\.")
    assert answer.headers["allow"] == "POST"
    assert in_log(house, answer)


async def test_an_archived_project_is_refused(house: RunningHouse) -> None:
    project = await house.do(projects.create, "Old")
    made = await house.key(project.id)
    assert (await asked(house, get(b"/v1/models", bearer(made.value)))).status == 200
    await house.do(projects.archive, project.id)
    answer = await chat(house, made.value)
    refused(
        answer, 403, "project_archived", rf"Project {project.id} is archived; its API keys are no longer accepted\."
    )
    assert in_log(house, answer)


async def test_a_key_without_the_permission_is_refused(house: RunningHouse) -> None:
    for permissions in ("read_only", {"embeddings": "write", "chat": "read"}, {}):
        made = await house.key(permissions=permissions)
        answer = await chat(house, made.value)
        sentence = r"You have insufficient permissions for this operation\. Missing scopes: api\.chat\.write\."
        refused(answer, 403, "insufficient_permissions", sentence)
        assert in_log(house, answer)


async def test_a_model_that_its_project_does_not_permit_is_refused_at_once(house: RunningHouse) -> None:
    project = await house.do(projects.create, "Permitted")
    made = await house.key(project.id)
    for permitted in ({"mode": "deny_list", "model_ids": ["gpt-4o"]}, {"mode": "allow_list", "model_ids": []}):
        await house.do(model_permissions.put, project.id, permitted)
        answer = await chat(house, made.value)
        sentence = rf"The model permissions of project {project.id} do not allow the model 'gpt-4o'\."
        refused(answer, 403, "model_not_allowed", sentence, param="model")
        assert in_log(house, answer)
    await house.do(model_permissions.put, project.id, {"mode": "allow_list", "model_ids": ["gpt-4o"]})
    assert (await chat(house, made.value)).code != "model_not_allowed"
    await house.do(model_permissions.put, project.id, {"mode": "allow_list", "model_ids": ["GPT-4o", "gpt-4"]})
    assert (await chat(house, made.value)).code == "model_not_allowed"
    await house.do(model_permissions.remove, project.id)
    assert (await chat(house, made.value)).code != "model_not_allowed"


async def test_a_model_outside_the_keys_list_is_refused(house: RunningHouse) -> None:
    made = await house.key(models=["o3-*"])
    answer = await chat(house, made.value)
    sentence = r"The API key 'Alice's laptop' is restricted to other models than 'gpt-4o'\."
    refused(answer, 403, "model_not_allowed", sentence, param="model")
    assert in_log(house, answer)


async def test_an_admin_key_is_refused_on_the_data_plane(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.admin_key)
    sentence = r"An admin key cannot be used here: it opens the administration API only\. Use a project API key\."
    refused(answer, 403, "insufficient_permissions", sentence)
    assert in_log(house, answer)


async def test_a_project_key_is_refused_on_the_administration_api(house: RunningHouse) -> None:
    answer = await asked(house, get(b"/v1/organization/projects", bearer(house.facts.api_key)))
    sentence = r"A project API key cannot be used here: the administration API needs an admin key \(sk-khadm_…\)\."
    refused(answer, 403, "insufficient_permissions", sentence)
    assert (await asked(house, get(b"/v1/organization/projects", bearer(house.facts.admin_key)))).status == 200


async def test_an_unknown_model_is_refused(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.api_key)
    sentence = r"The model 'gpt-4o' does not exist or you do not have access to it\."
    refused(answer, 404, "model_not_found", sentence, param="model")
    assert in_log(house, answer)
    shown = await asked(house, get(b"/v1/models/gpt-4o", bearer(house.facts.api_key)))
    refused(shown, 404, "model_not_found", sentence, param="model")


# --- 400, 413 ---


async def test_malformed_json_is_refused(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.api_key, b'{"model":')
    refused(answer, 400, "invalid_json", r"We could not parse the JSON body of your request: .*\.")
    assert in_log(house, answer)


async def test_a_missing_body_is_refused(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.api_key, b"")
    refused(answer, 400, "body_required", r"This operation needs a JSON body; none was sent\.")
    no_length = await asked(house, b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\n" + house.bearer + b"\r\n")
    refused(no_length, 400, "body_required", r"This operation needs a JSON body; none was sent\.")
    assert in_log(house, answer)


async def test_a_body_over_the_limit_is_refused(house: RunningHouse) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 67108865\r\n" + house.bearer + b"\r\n"
    answer = await asked(house, head)
    refused(answer, 413, "body_too_large", r"The request body is over the limit of 67,108,864 bytes\.")
    assert in_log(house, answer)


async def test_a_field_that_could_be_read_twice_is_refused(house: RunningHouse) -> None:
    answer = await chat(house, house.facts.api_key, b'{"model":"gpt-4o","\\u004dodel":"o3"}')
    refused(answer, 400, "duplicate_field", r"The field 'Model' .* read in two ways\.", param="model")
    assert in_log(house, answer)


# --- what is not allowed to matter ---


async def test_a_key_that_is_revoked_while_its_body_arrives_is_refused(house: RunningHouse) -> None:
    made = await house.key()
    async with Raw(house.port) as raw:
        request = post(CHAT, bearer(made.value))
        await raw.say(request[:-5])
        await until(lambda: house.gateway._keyring.get(made.view.key.secrets[0].public_id) is not None)
        await house.do(keys.revoke, house.facts.project_id, made.view.key.id)
        answer = await raw.ask(request[-5:])
    refused(answer, 401, "invalid_api_key", r".* was revoked on .*")


async def test_a_permission_that_is_taken_while_the_body_arrives_is_missing(house: RunningHouse) -> None:
    made = await house.key()
    async with Raw(house.port) as raw:
        request = post(CHAT, bearer(made.value))
        await raw.say(request[:-5])
        await until(lambda: house.gateway._keyring.get(made.view.key.secrets[0].public_id) is not None)
        await house.do(keys.update, house.facts.project_id, made.view.key.id, KeyFields(permissions="read_only"))
        answer = await raw.ask(request[-5:])
    refused(answer, 403, "insufficient_permissions", r".*api\.chat\.write\.")


async def test_no_refusal_left_a_row_in_the_ledger(house: RunningHouse) -> None:
    assert {row.operation for row in house.rows()} <= {"models.list"}
