"""What the command line is handed: it never opens a house, listens or fetches by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

if TYPE_CHECKING:  # `keyhouse --help` answers at once because nothing of the house is imported for it
    from keyhouse.control.context import Caller, Control
    from keyhouse.control.doctor import Installation
    from keyhouse.control.setup import FirstFacts

Options = Mapping[str, object]
"""Settings that were given as options, by the name of the setting (`data`, `port`, …; None: not given). The environment has the
rest."""


class House(Protocol):
    """An opened house, and who acts in it: the operator at this machine."""

    @property
    def control(self) -> Control: ...
    @property
    def caller(self) -> Caller: ...

    def secret_files(self) -> Mapping[str, bytes]:
        """The files of peppers and master keys: name relative to the data directory → content."""
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways into a house.

    `open_house` and `installation` raise for a house that is not initialised; the former closes it when its block ends.
    `serve` returns the exit code. `refusals` are the exceptions, besides `KeyhouseError`, whose text is a sentence for the
    person at the terminal.
    """

    open_house: Callable[[Options], AbstractContextManager[House]]
    initialise: Callable[[Options], FirstFacts]
    serve: Callable[[Options], int]
    data_directory: Callable[[Options], Path]
    installation: Callable[[Options], Installation]
    environ: Mapping[str, str]
    refusals: tuple[type[Exception], ...] = ()


@dataclass(slots=True)
class Session:
    """One run of the program: its doors, and the options that every command has."""

    doors: Doors
    data: Path | None = None

    @property
    def options(self) -> dict[str, object]:
        return {"data": self.data}

    @contextmanager
    def pair(self) -> Iterator[tuple[Control, Caller]]:
        """The house as reports take it."""
        with self.doors.open_house(self.options) as house:
            yield house.control, house.caller


def session(ctx: typer.Context) -> Session:
    """The session of a command. Raises `LookupError` outside `cli.main.build`."""
    found = ctx.find_object(Session)
    if found is None:
        raise LookupError("the program was not built by cli.main.build")
    return found


def opened(ctx: typer.Context) -> AbstractContextManager[House]:
    """The house that the command is about."""
    found = session(ctx)
    return found.doors.open_house(found.options)
