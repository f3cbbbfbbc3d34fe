"""`make up`, as the README has it: what it prints works when it is pasted, and it ends when it is told to."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.running import announced_url, clean_environment, ended
from tests.laws.source import ROOT

_INSTALLED = ROOT / ".venv" / "installed"
_NEEDED = ("pyproject.toml", "requirements/build.txt", "requirements/runtime.txt")

_needs_make = pytest.mark.skipif(
    not _INSTALLED.exists()
    or Path(sys.prefix) != ROOT / ".venv"
    or any((ROOT / name).stat().st_mtime > _INSTALLED.stat().st_mtime for name in _NEEDED),
    reason="this clone was not installed by make",
)


@_needs_make
def test_what_make_up_prints_works_when_pasted_and_is_printed_once(tmp_path: Path, wheels: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "local-model").symlink_to(wheels)
    with _up(data, tmp_path / "first") as (_, said):
        pasted = re.findall(r"^(?:export|curl) .*?(?<!\\)$", said, re.MULTILINE | re.DOTALL)
        done = subprocess.run(
            ["bash", "-c", "\n".join(pasted)], capture_output=True, env=clean_environment(), check=True
        )
        assert json.loads(done.stdout)["choices"][0]["message"]["role"] == "assistant"
    with _up(data, tmp_path / "second") as (url, said):
        assert urllib.request.urlopen(f"{url}/healthz").status == 200
        assert "sk-kh" not in said


def test_an_old_python_is_told_what_is_needed(tmp_path: Path) -> None:
    """With stand-ins for Python alone on the PATH: one that is too old."""
    (tmp_path / "python3").write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac\n')
    (tmp_path / "python3").chmod(0o755)
    shell = shutil.which("sh") or "/bin/sh"
    done = subprocess.run(
        [shell, ROOT / "tools" / "make_venv.sh", ""],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Keyhouse needs Python 3.11 or newer; found: Python 3.9.2." in done.stderr
    assert not (tmp_path / ".venv").exists()


@contextmanager
def _up(data: Path, log: Path) -> Iterator[tuple[str, str]]:
    """(URL, all that was printed) of a house that make runs; ended by telling make, as a supervisor does."""
    environment = clean_environment(KEYHOUSE_DATA=str(data), KEYHOUSE_PORT=str(_free_port()))
    environment.pop("MAKEFLAGS", None)
    with log.open("wb") as out:
        process = subprocess.Popen(["make", "up"], cwd=ROOT, stdout=out, stderr=out, env=environment)
    try:
        url = announced_url(process, log)
        yield url, log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        ended(process)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
