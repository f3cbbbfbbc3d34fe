"""Draws docs/pictures/first-session.svg: a real session on a new house, its secrets redacted.

python -m tools.picture [DIR]      DIR: a data directory whose built-in models are fetched already
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

_ROOT = Path(__file__).parents[1]
_PICTURE = _ROOT / "docs" / "pictures" / "first-session.svg"
_WIDTH = 112
_MOST_LINES = 3
"""Of a line of output that is longer than the terminal is wide."""
_SECRET = re.compile(r"(sk-kh(?:adm|svc)?_)[0-9A-Za-z]{46}([0-9A-Za-z]{4})")
_PASSWORD = re.compile(r"(owner's password +)\S+")
_ENDED = "The built-in models are ready"
_COMMANDS = (
    "keyhouse keys create 'nightly reports' --models 'smollm2-*' --expires-in 30d",
    "keyhouse usage --since 1h --by model",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "keyhouse-data"
        if len(sys.argv) > 1:
            data.mkdir(mode=0o700)
            (data / "local-model").symlink_to(Path(sys.argv[1]).resolve() / "local-model")
        session = list(_session(data))
    _draw(session)


def _session(data: Path) -> Iterator[tuple[str, str]]:
    """(what is typed, what is answered)."""
    log = data.with_name("log")
    with _server(data, log):
        greeting = log.read_text()
        yield "make up", greeting.replace(str(data), "keyhouse-data")
        export, call = re.findall(r"(export OPENAI_API_KEY=\S+)\n(curl .*?)\n\n", greeting, re.DOTALL)[0]
        yield call.replace("curl", "curl -s", 1), _sh(data, f"{export}\n{call}")
        time.sleep(1)  # a row is in the reports before it is a second old
        for command in _COMMANDS:
            yield command, _sh(data, command)


@contextmanager
def _server(data: Path, log: Path) -> Iterator[None]:
    environment = {**_environment(data), "KEYHOUSE_PORT": "8585"}
    with log.open("wb") as out:
        process = subprocess.Popen(["make", "up"], cwd=_ROOT, stdout=out, stderr=out, env=environment)
    try:
        while _ENDED not in log.read_text():
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _sh(data: Path, command: str) -> str:
    done = subprocess.run(
        ["sh", "-c", command.replace("curl ", "curl -s ")],
        capture_output=True,
        text=True,
        env=_environment(data),
        check=True,
    )
    return done.stdout + done.stderr


def _environment(data: Path) -> dict[str, str]:
    path = f"{Path(_program()).parent}:{os.environ['PATH']}"
    return {**os.environ, "KEYHOUSE_DATA": str(data), "PATH": path}


def _program() -> str:
    return str(Path(sys.executable).parent / "keyhouse")


def _redacted(text: str) -> str:
    return _PASSWORD.sub(r"\1••••••••••••", _SECRET.sub(r"\1…\2", text))


def _draw(session: list[tuple[str, str]]) -> None:
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    for typed, answered in session:
        console.print(Text("$ ", style="bold green") + Text(_redacted(typed), style="bold"))
        for line in _redacted(answered).strip("\n").split("\n"):
            pieces = textwrap.wrap(line, _WIDTH - 2, drop_whitespace=False)
            shortened = [*pieces[:_MOST_LINES], "…"] if len(pieces) > _MOST_LINES else pieces
            console.print(Text("\n".join(shortened)))
        console.print()
    # Without the fonts that rich would have the reader's browser fetch from elsewhere.
    shape = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    _PICTURE.parent.mkdir(exist_ok=True)
    _PICTURE.write_text(console.export_svg(title="Keyhouse", code_format=shape, unique_id="session"))


if __name__ == "__main__":
    main()
