"""schemathesis asks a running house what the OpenAPI document allows, and much that it does not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import NewHouse
from tests.e2e.house import House

_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
_PROGRAM = Path(sys.executable).parent / "schemathesis"
_LONG_REQUESTS = 20_000
_EXAMPLES = 100


def test_a_document_and_a_page_open_without_a_key(house: House) -> None:
    document = httpx.get(f"{house.url}/openapi.json", trust_env=False)
    assert document.json()["openapi"] == "3.1.0"
    page = httpx.get(f"{house.url}/docs", trust_env=False)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert httpx.get(f"{house.url}/docs/style.css", trust_env=False).headers["content-type"].startswith("text/css")
    assert httpx.get(f"{house.url}/docs/icon.svg", trust_env=False).headers["content-type"] == "image/svg+xml"
    assert httpx.post(f"{house.url}/docs", trust_env=False).status_code == 405


@pytest.mark.parametrize("caller", ["nobody", "owner", "owner at home"])
def test_no_request_breaks_the_house_or_is_answered_out_of_shape(
    new_house: NewHouse,
    tmp_path: Path,
    caller: str,
    long_form: bool,
    record_property: Callable[[str, object], None],
) -> None:
    """How many requests were made is in the report that `--junitxml` writes."""
    house = new_house()
    house.start()
    config = tmp_path / "schemathesis.toml"
    project = f'"path.project_id" = "{house.facts["project_id"]}"' if caller == "owner at home" else ""
    config.write_text(f"[parameters]\n{project}\n")
    header = [] if caller == "nobody" else ["--header", f"Authorization: Bearer {house.facts['admin_key']}"]
    done = _ask(house, config, *header, examples=_EXAMPLES if long_form else 2)
    assert done.returncode == 0, done.stdout[-20_000:]
    record_property("requests", _requests(done.stdout))
    assert _requests(done.stdout) >= (_LONG_REQUESTS // 3 if long_form else 100)
    assert house.is_healthy()


def _ask(house: House, config: Path, *arguments: str, examples: int) -> subprocess.CompletedProcess[str]:
    phases = "coverage,fuzzing" if examples >= _EXAMPLES else "fuzzing"
    command = [
        str(_PROGRAM), "--config-file", str(config), "run", f"{house.url}/openapi.json", "--checks", _CHECKS, "--mode", "all",
        "--phases", phases, "--max-examples", str(examples), "--request-timeout", "10", "--generation-database", "none",
        "--no-color", "--suppress-health-check", "all", "--seed", "1", *arguments,
    ]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=3600, env=house.environ, cwd=config.parent
    )


def _requests(said: str) -> int:
    """How many requests it says that it made."""
    return sum(int(number) for number in re.findall(r"(\d+) generated", said))
