"""OpenAI's official SDKs, unmodified, under one handle: `sdk("groups.users.create", group_id, user_id=…)`.

A method is named from `client.admin.organization` on, as the SDK for Python has it; what stands first are ids, what is named are
fields. An answer is what the SDK makes of it, as JSON-able values.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import openai

from tests.api.served import Served

_SCRIPT = Path(__file__).parent / "drive.mjs"


class Sdk(Protocol):
    """`asked`: method and path of every request so far."""

    asked: list[tuple[str, str]]

    def __call__(self, method: str, *ids: str, **given: Any) -> Any: ...

    def every(self, method: str, *ids: str, **given: Any) -> list[Any]:
        """What a list holds, over as many pages as it takes."""
        ...

    def refused(self, method: str, *ids: str, **given: Any) -> int:
        """The status of the error that the SDK raises."""
        ...


class PythonSdk:
    """With strict validation: an answer that is not what the SDK's types say raises."""

    def __init__(self, api: Served) -> None:
        self.asked: list[tuple[str, str]] = []
        hooks = {"request": [lambda request: self.asked.append((request.method, request.url.path))]}
        self._client = openai.OpenAI(
            admin_api_key=api.house.facts.admin_key,
            base_url=str(api.client.base_url),
            http_client=openai.DefaultHttpxClient(event_hooks=hooks, trust_env=False, verify=False),
            max_retries=0,
            _strict_response_validation=True,
        )

    def __call__(self, method: str, *ids: str, **given: Any) -> Any:
        return self._method(method)(*ids, **given).to_dict(mode="json")

    def every(self, method: str, *ids: str, **given: Any) -> list[Any]:
        return list(self.each(method, *ids, **given))

    def each(self, method: str, *ids: str, **given: Any) -> Iterator[Any]:
        """What a list holds; a page is asked for when the one before has been taken."""
        for item in self._method(method)(*ids, **given):
            yield item.to_dict(mode="json")

    def refused(self, method: str, *ids: str, **given: Any) -> int:
        try:
            self._method(method)(*ids, **given)
        except openai.APIStatusError as error:
            return error.status_code
        raise AssertionError(f"{method} was not refused")

    def close(self) -> None:
        self._client.close()

    def _method(self, name: str) -> Any:
        found: Any = self._client.admin.organization
        for part in name.split("."):
            found = getattr(found, part)
        return found


class NodeSdk:
    """In a process of its own, asked in lines of JSON."""

    def __init__(self, api: Served, process: subprocess.Popen[str]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._house = {"baseURL": str(api.client.base_url), "adminAPIKey": api.house.facts.admin_key}
        self._process = process

    def __call__(self, method: str, *ids: str, **given: Any) -> Any:
        return self._done(method, ids, given)["answer"]

    def every(self, method: str, *ids: str, **given: Any) -> list[Any]:
        answer: list[Any] = self._done(method, ids, given, every=True)["answer"]
        return answer

    def refused(self, method: str, *ids: str, **given: Any) -> int:
        return int(self._asked(method, ids, given)["status"])

    def _done(self, method: str, ids: tuple[str, ...], given: dict[str, Any], *, every: bool = False) -> Any:
        answer = self._asked(method, ids, given, every=every)
        assert "answer" in answer, answer
        return answer

    def _asked(self, method: str, ids: tuple[str, ...], given: dict[str, Any], *, every: bool = False) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = {"house": self._house, "method": camel(method), "ids": ids, "given": given, "every": every}
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.asked += [(verb, httpx.URL(url).path) for verb, url in answer["asked"]]
        return answer


@contextmanager
def node(program: str, modules: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The process that NodeSdk asks; modules are found beside the script, so it is copied there."""
    (folder / "node_modules").symlink_to(modules)
    script = folder / _SCRIPT.name
    script.write_text(_SCRIPT.read_text())
    pipe = subprocess.PIPE
    with subprocess.Popen([program, str(script)], stdin=pipe, stdout=pipe, text=True, cwd=folder) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def camel(method: str) -> str:
    """A method's name in the SDK for Node."""
    named = re.sub(r"_(\w)", lambda match: match[1].upper(), method)
    return re.sub(r"(?<=[a-z])Api(?=[A-Z])", "API", named)
