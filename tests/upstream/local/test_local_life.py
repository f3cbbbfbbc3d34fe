"""The child's life: it loads beside the gateway, is restarted, and never outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from keyhouse.upstream.local import LocalEndpoints, LocalModelFailed, LocalModels
from keyhouse.upstream.local.wheels import folder_of

PARENT = """
import asyncio, sys, uvloop
from pathlib import Path
from keyhouse.upstream.local import LocalModels

async def main():
    models = LocalModels(Path(sys.argv[1]), lambda sentence: None)
    await models.start()
    print((await models.ready()).port, flush=True)
    await asyncio.sleep(60)

uvloop.run(main())
"""


def listens(port: int) -> bool:
    """Whether anybody still holds the listening socket."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(endpoints: LocalEndpoints) -> bool:
    headers = {"Authorization": f"Bearer {endpoints.key}"}
    return httpx.get(f"{endpoints.base_url}/models", headers=headers, trust_env=False, verify=False).status_code == 200


async def test_start_returns_at_once_and_ready_waits(data_dir: Path) -> None:
    said: list[str] = []
    models = LocalModels(data_dir, said.append)
    since = time.monotonic()
    await models.start()
    assert time.monotonic() - since < 0.5
    assert not said
    endpoints = await models.ready()
    assert models.status.state == "ready"
    assert said[-1] == models.status.sentence
    assert await asyncio.to_thread(answers, endpoints)
    await models.stop()
    assert not listens(endpoints.port)


async def test_key_is_in_no_argument_and_no_repr(data_dir: Path) -> None:
    models = LocalModels(data_dir, print)
    await models.start()
    endpoints = await models.ready()
    arguments = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(models.child_pid)], capture_output=True, text=True, check=True
    ).stdout
    await models.stop()
    assert "keyhouse.upstream.local.child" in arguments
    assert endpoints.key not in arguments
    assert endpoints.key not in repr(endpoints)
    assert endpoints.key not in models.log.read_text()


async def test_killed_child_is_restarted_at_the_same_address(data_dir: Path) -> None:
    models = LocalModels(data_dir, print)
    await models.start()
    before = await models.ready()
    first = models.child_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    # Asked while nobody is there: it waits for the next child.
    assert await asyncio.to_thread(answers, before)
    assert await models.ready() == before
    assert models.child_pid not in (None, first)
    await models.stop()


async def test_child_ignores_interrupt_and_ends_on_terminate(data_dir: Path) -> None:
    models = LocalModels(data_dir, print)
    await models.start()
    endpoints = await models.ready()
    child = models.child_pid
    assert child is not None
    os.kill(child, signal.SIGINT)
    assert await asyncio.to_thread(answers, endpoints)
    assert models.child_pid == child
    os.kill(child, signal.SIGTERM)
    async with asyncio.timeout(1):
        while models.child_pid == child:
            await asyncio.sleep(0.01)
    await models.stop()


def test_killed_parent_leaves_no_child(data_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(data_dir)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert listens(port)
        parent.kill()
    deadline = time.monotonic() + 2
    while listens(port):
        assert time.monotonic() < deadline, "the child holds its socket 2 s after its parent was killed"
        time.sleep(0.02)


async def test_child_that_cannot_load_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    folder_of(tmp_path).mkdir(parents=True)
    models = LocalModels(tmp_path, print)
    await models.start()
    with pytest.raises(LocalModelFailed, match=r"(?s)ended 5 times.*--no-local-model.*ModuleNotFoundError"):
        await models.ready()
    assert models.status.state == "failed"
    await models.stop()


async def test_stop_right_after_start_frees_those_who_wait(data_dir: Path) -> None:
    models = LocalModels(data_dir, print)
    await models.start()
    waiting = asyncio.create_task(models.ready())
    await models.stop()
    with pytest.raises(LocalModelFailed, match="stopped"):
        await waiting


def test_gateway_imports_none_of_what_runs_the_models() -> None:
    heavy = "{'numpy', 'onnxruntime', 'tokenizers', 'xllamacpp', 'uvicorn'}"
    script = f"import sys, keyhouse.upstream.local; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
