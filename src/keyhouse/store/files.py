"""Files that nobody but their owner may read, and that are there after a power cut."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyhouse.domain.errors import ErrorCode, KeyhouseError

LOCK_FILE = "keyhouse.lock"


def make_private(folder: Path, ours: Collection[str]) -> None:
    """Makes the folder, for its owner alone. One that exists is closed to others only if it is empty or holds one of `ours`,
    and is not meant for all (sticky, as /tmp is): it may be anybody's."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        sync_folder(folder.parent)
        return
    names = {entry.name for entry in folder.iterdir()}
    mode = folder.stat().st_mode
    if mode & 0o077 and not mode & stat.S_ISVTX and (not names or names & set(ours)):
        folder.chmod(0o700)


def create_private(path: Path) -> None:
    """Creates the file, empty, for its owner alone. One that exists keeps its content and is closed to others."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)


def claim_empty(folder: Path) -> None:
    """Makes the folder, private; raises `conflict` if there is something in it."""
    make_private(folder, ())
    if any(folder.iterdir()):
        raise KeyhouseError(ErrorCode.CONFLICT, f"The folder {folder} is not empty; a backup needs one of its own.")


def sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other process holds this lock. A process that dies lets it go."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
