"""The wire between a command and a gateway that runs on the same data directory: a Unix socket, one question.

The command writes the number of the change that it has committed; the gateway answers when that change is in force.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.changes import POLL_SECONDS, ChangeFollower

ANSWER_SECONDS = 10.0
_LONGEST_PATH = 100  # of a Unix socket's 104 (macOS) or 108 (Linux)


def socket_path(data: Path) -> Path:
    """Where a gateway of this data directory listens; in the system's temporary directory if the path would be too long."""
    path = data.absolute() / "control.sock"
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"keyhouse-{os.geteuid()}-{digest}.sock"


def announcer(data: Path, *, shared_database: bool) -> Callable[[int], None]:
    """Tells the gateway on this data directory, if one runs. Where gateways of other machines share the database, waits for
    them to look."""

    def announce(seq: int) -> None:
        told = _tell(socket_path(data), seq)
        if shared_database and not told:
            time.sleep(2 * POLL_SECONDS)

    return announce


def _tell(path: Path, seq: int) -> bool:
    try:
        if path.lstat().st_uid != os.geteuid():
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(b"%d\n" % seq)
            answer = connection.recv(16)
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        answer = b""
    if answer != b"ok\n":
        message = "The change is made, but the running gateway did not confirm that it obeys. It looks again by itself."
        raise KeyhouseError(ErrorCode.CONFLICT, message)
    return True


async def listen(data: Path, follower: ChangeFollower) -> asyncio.Server:
    """Answers commands. The caller holds the data directory's lock, so a socket that is there already is a dead one's."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await follower.through(int(await reader.readline()))
                writer.write(b"ok\n")
                await writer.drain()
        except (TimeoutError, ValueError, OSError):
            pass  # the command sees that nothing came back
        finally:
            writer.close()

    path = socket_path(data)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(answer, str(path))
    finally:
        os.umask(before)
