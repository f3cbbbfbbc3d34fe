"""Every command in the documentation works: shell and Python fences are run, page by page, in the order of the page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import Place
from tests.docs.fences import Fence, fences, pages, prose
from tests.fixtures.node import NODE

_RUN = {"console", "js", "python", "sh"}
_SHOWN = {"", "json", "mermaid", "text", "yaml"}
# Commands in indented blocks, and who runs them.
_ELSEWHERE = {
    "bench/README.md": "tests/bench",
    "docs/benchmarks.md": "tests/bench",
}
_INDENTED_COMMAND = re.compile(
    r"^(?: {4}|\t)(?:\$ )?(?:curl|docker|git|keyhouse|make|pip|pytest|python|uv)\b", re.MULTILINE
)


def _pages_with_code() -> list[str]:
    return [
        page for page in pages() if any(fence.language in _RUN - {"js"} and not fence.excuse for fence in fences(page))
    ]


@pytest.mark.parametrize("page", _pages_with_code())
def test_what_a_page_tells_to_run_works(place: Place, page: str) -> None:
    for fence in fences(page):
        if fence.language in _RUN - {"js"} and not fence.excuse:
            done = _run(place, fence)
            assert done.returncode == 0, f"{page}:\n{fence.code}\n{done.stdout}{done.stderr}"
            assert not _is_a_chat(fence) or '"role":"assistant"' in done.stdout, done.stdout


@pytest.mark.skipif(NODE is None, reason="this machine has no Node")
def test_what_a_page_tells_to_run_in_node_works(place: Place, node_modules: Path) -> None:
    (place.folder / "node_modules").symlink_to(node_modules)
    for fence in [fence for page in pages() for fence in fences(page) if fence.language == "js" and not fence.excuse]:
        (place.folder / "example.mjs").write_text(place.put_in(fence.code))
        done = subprocess.run(
            [NODE or "", "example.mjs"],
            cwd=place.folder,
            env=place.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{fence.page}:\n{fence.code}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip()


def test_a_fence_is_of_a_kind_that_is_run_or_shown() -> None:
    unknown = {(f.page, f.language) for page in pages() for f in fences(page) if f.language not in _RUN | _SHOWN}
    assert not unknown


def test_commands_stand_in_fences_or_are_run_elsewhere() -> None:
    found = {page for page in pages() if _INDENTED_COMMAND.search(prose(page))}
    assert found == set(_ELSEWHERE) & set(pages())


def _is_a_chat(fence: Fence) -> bool:
    return fence.code.startswith("curl") and "/v1/chat/completions" in fence.code


def _run(place: Place, fence: Fence) -> subprocess.CompletedProcess[str]:
    code = place.put_in(fence.code)
    if fence.language == "python":
        code = "from openai import OpenAI\n" + code.replace("sk-khadm_…", place.environment["OPENAI_ADMIN_KEY"])
        command = [sys.executable, "-c", code]
    else:
        if fence.language == "console":
            code = "\n".join(line[2:] for line in code.splitlines() if line.startswith("$ "))
        command = [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            code.replace("curl ", "curl --fail-with-body --silent --show-error "),
        ]
    return subprocess.run(
        command, cwd=place.folder, env=place.environment, capture_output=True, text=True, timeout=120, check=False
    )
