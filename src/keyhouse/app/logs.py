"""Where log lines go: stderr, for people or as JSON. No line ever holds a header, a body or a secret."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


def configure(level: str, form: str) -> None:
    """`level` is a level's name, `form` is `console` or `json`. For a server: from here on no write to stderr raises."""
    sys.stderr = cast(TextIO, _Lossy(sys.stderr))
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=number, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    for talkative in ("alembic", "uvicorn.error"):
        logging.getLogger(talkative).setLevel(max(number, logging.WARNING))
    render: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if form == "console":
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    steps: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        steps.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*steps, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class _Lossy:
    """A stream on which a line that cannot be written is lost. The disk that holds the log may be full when the ledger's is: the
    thread that says so must live."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()
