"""A terminal in which `keyhouse` is typed, before a real house."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from keyhouse.app.installation import Installation, find
from keyhouse.cli.house import Doors, Options
from keyhouse.cli.main import build
from keyhouse.control import setup
from keyhouse.control.setup import FirstFacts
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.settings import Settings
from tests.control.houses import House, empty_house


class Printed(NamedTuple):
    """What a command left: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Terminal:
    """`house` is what every data directory opens to. `seen`: everything that was printed, a line of text each time."""

    house: House
    environ: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    opened: list[Options] = field(default_factory=list)
    served: list[Options] = field(default_factory=list)
    broken: Exception | None = None

    def type(self, *words: str, stdin: str | None = None) -> Printed:
        """Runs `keyhouse` with these words, whatever its exit code."""
        result = CliRunner().invoke(build(self._doors()), list(words), input=stdin, prog_name="keyhouse")
        self.seen.append(result.stdout + result.stderr)
        return Printed(result.exit_code, result.stdout, result.stderr)

    def ok(self, *words: str, stdin: str | None = None) -> Printed:
        """Runs a command that must succeed."""
        printed = self.type(*words, stdin=stdin)
        assert printed.code == 0, printed.err
        return printed

    def refused(self, *words: str, stdin: str | None = None) -> str:
        """The one sentence with which a command is refused; it has printed nothing else."""
        printed = self.type(*words, stdin=stdin)
        assert (printed.code, printed.out) == (1, ""), printed
        line = printed.err.strip()
        assert line.startswith("keyhouse: ")
        assert line.endswith((".", ":"))
        assert "\n" not in line
        return line.removeprefix("keyhouse: ")

    def _doors(self) -> Doors:
        return Doors(
            self._open,
            self._initialise,
            self._serve,
            self._data_directory,
            self._installation,
            self.environ,
            (ConnectionError,),
        )

    @contextmanager
    def _open(self, options: Options) -> Iterator[House]:
        if self.broken is not None:
            raise self.broken
        self.opened.append(options)
        named = options.get("organization") or self.environ.get("KEYHOUSE_ORGANIZATION")
        self.house.organization = None if named is None else str(named)
        yield self.house

    def _initialise(self, options: Mapping[str, object]) -> FirstFacts:
        folder = self._data_directory(options)
        if folder.exists():
            raise KeyhouseError(ErrorCode.ALREADY_INITIALISED, f"'{folder}' holds a house already.")
        control = empty_house(folder)
        facts = setup.initialise(control)
        control.store.close()
        return facts

    def _serve(self, options: Options) -> int:
        self.served.append(options)
        return 3

    def _installation(self, options: Options) -> Installation:
        return find(Settings(data=self.house.folder))

    def _data_directory(self, options: Options) -> Path:
        data = options["data"]
        assert isinstance(data, Path)
        return data
