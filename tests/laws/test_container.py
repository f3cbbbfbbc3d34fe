"""The container's files agree with the repository. Building the image is for a machine with Docker."""

from __future__ import annotations

import re
from fnmatch import fnmatch

from keyhouse import settings
from tests.laws.source import ROOT

_DOCKERFILE = (ROOT / "Dockerfile").read_text()
_COMPOSE = (ROOT / "compose.yaml").read_text()


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    copied = [
        source.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.+)$", _DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert copied
    assert not [source for source in copied if not (ROOT / source).exists()]
    assert not [source for source in copied if not any(fnmatch(source, pattern) for pattern in let_in)]


def test_its_variables_are_settings() -> None:
    known = {name for name, _, _ in settings.described()}
    assert set(re.findall(r"\bKEYHOUSE_[A-Z_]+", _DOCKERFILE + _COMPOSE)) <= known


def test_it_listens_on_the_port_that_is_exposed_checked_and_published() -> None:
    port = str(settings.Settings().port)
    assert f"EXPOSE {port}" in _DOCKERFILE
    assert f":{port}/healthz" in _DOCKERFILE
    assert f"127.0.0.1:{port}:{port}" in _COMPOSE


def test_it_does_not_run_as_root_and_its_data_is_a_volume() -> None:
    assert re.search(r"^USER (?!root)\w+$", _DOCKERFILE, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", _DOCKERFILE, re.MULTILINE)
    assert "KEYHOUSE_DATA=/data" in _DOCKERFILE


def test_everything_is_installed_by_hash() -> None:
    installs = re.findall(r"pip install .*", _DOCKERFILE)
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
