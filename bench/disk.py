"""What the disk takes for one synced write."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

_RECORD = os.urandom(4096)


def synced_writes_ns(folder: Path, count: int) -> list[int]:
    """The time of each of `count` appends of 4,096 bytes with fdatasync, in `folder`'s file system, in nanoseconds."""
    times = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        fd = file.fileno()
        for _ in range(count):
            began = time.perf_counter_ns()
            os.write(fd, _RECORD)
            os.fdatasync(fd)
            times.append(time.perf_counter_ns() - began)
    return times
