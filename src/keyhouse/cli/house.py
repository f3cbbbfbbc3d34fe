"""What the command line is handed: it never opens a house, listens or fetches by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from keyhouse.domain.errors import shown

if TYPE_CHECKING:  # `keyhouse --help` answers at once because nothing of the house is imported for it
    from keyhouse.control.context import Caller, Control
    from keyhouse.control.doctor import Installation
    from keyhouse.control.setup import FirstFacts

Options = Mapping[str, object]
"""Settings that were given as options, by the name of the setting (`data`, `port`, …; None: not given). The environment has the
rest."""


class OpenHouse(Protocol):
    """An opened house. `organization` is the one that was named to work in, by name or id; None: none was."""

    @property
    def control(self) -> Control: ...
    @property
    def organization(self) -> str | None: ...

    def secret_files(self) -> Mapping[str, bytes]:
        """The files of peppers and master keys: name relative to the data directory → content."""
        ...


class House:
    """An opened house, and who acts in it: the operator at this machine, in the organization that was named, or in the house's
    own; where that could have been another one, it is said on stderr. Raises `not_found` for a name that is none's."""

    def __init__(self, house: OpenHouse) -> None:
        self.control = house.control
        self.secret_files = house.secret_files
        self._named = house.organization
        self._caller = None if self._named is None else self._found()

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            self._caller = self._found()
        return self._caller

    def _found(self) -> Caller:
        from keyhouse.cli import output
        from keyhouse.control.context import Caller
        from keyhouse.control.organizations import entered

        organization, of_several = entered(self.control, self._named)
        if of_several and self._named is None:
            name = shown(organization.name)
            output.say(
                f"In organization '{name}', which runs the house; --organization or KEYHOUSE_ORGANIZATION names another."
            )
        return Caller.operator(organization.id)


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways into a house.

    `open_house` and `installation` raise for a house that is not initialised; the former closes it when its block ends.
    `serve` returns the exit code. `refusals` are the exceptions, besides `KeyhouseError`, whose text is a sentence for the
    person at the terminal.
    """

    open_house: Callable[[Options], AbstractContextManager[OpenHouse]]
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
    organization: str | None = None

    @property
    def options(self) -> dict[str, object]:
        named = {} if self.organization is None else {"organization": self.organization}
        return {"data": self.data, **named}

    @contextmanager
    def opened(self) -> Iterator[House]:
        """The house, and who acts in it."""
        with self.doors.open_house(self.options) as house:
            yield House(house)

    @contextmanager
    def pair(self) -> Iterator[tuple[Control, Caller]]:
        """The house as reports take it."""
        with self.opened() as house:
            yield house.control, house.caller


def session(ctx: typer.Context) -> Session:
    """The session of a command. Raises `LookupError` outside `cli.main.build`."""
    found = ctx.find_object(Session)
    if found is None:
        raise LookupError("the program was not built by cli.main.build")
    return found


def whole(ctx: typer.Context) -> AbstractContextManager[OpenHouse]:
    """The house, for a command that is about all of it."""
    found = session(ctx)
    return found.doors.open_house(found.options)


def opened(ctx: typer.Context) -> AbstractContextManager[House]:
    """The house, for a command that works inside an organization."""
    return session(ctx).opened()
