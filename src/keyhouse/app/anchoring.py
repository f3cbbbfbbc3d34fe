"""Each new head of the audit log's seals, where somebody who changes the database does not reach: a file, and the log."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from keyhouse.control.anchors import line
from keyhouse.store.contract import Seal

_log = structlog.get_logger(__name__)
_warnings = logging.getLogger("keyhouse.anchors")


def anchoring(file: Path | None) -> Callable[[Seal], None]:
    """What is given each new head. It never raises: the events are committed, and the next head covers them too."""
    appending = threading.Lock()
    last = 0

    def anchor(seal: Seal) -> None:
        nonlocal last
        if structlog.is_configured():  # a command's stdout is its result
            _log.info("audit sealed", seal=seal.number, mac=seal.mac.hex())
        with appending:
            if file is None or seal.number <= last:
                return
            last = seal.number
            try:
                _append(file, line(seal))
            except OSError as error:
                _warnings.warning(
                    "the audit's seal %d could not be appended to %s: %s", seal.number, file, error.strerror
                )

    return anchor


def _append(file: Path, text: str) -> None:
    """One write, so that lines of several processes do not mix; durable."""
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, f"{text}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
