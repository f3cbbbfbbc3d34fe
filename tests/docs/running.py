"""Running a house from outside, as a reader of the documentation does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "keyhouse"
START_SECONDS = 60.0
"""For liveness only."""


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change a house or a client."""
    kept = {
        n: v for n, v in os.environ.items() if not n.startswith(("KEYHOUSE_", "OPENAI_")) and "proxy" not in n.lower()
    }
    return kept | more


def announced_url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Waits until the house says where it is open."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = log.read_text()
        if found := re.search(r"Keyhouse is open at (http://\S+)", said):
            return found[1]
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


def ended(process: subprocess.Popen[bytes]) -> int:
    """Waits for the end of a process that was told to stop; its exit code."""
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
