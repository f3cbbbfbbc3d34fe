"""What the command line is handed: the ways into a house."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keyhouse.cli.house import Doors, OpenHouse
from keyhouse.cli.main import build
from keyhouse.settings import SettingsError

if TYPE_CHECKING:  # `keyhouse --help` answers at once because nothing of the house is imported for it
    from keyhouse.control.doctor import Installation
    from keyhouse.control.setup import FirstFacts


def program() -> None:
    """Runs the command line of this process."""
    from keyhouse.store.contract import LedgerUnavailable, SchemaError

    doors = Doors(
        open_house=_open_house,
        initialise=_initialise,
        serve=_serve,
        data_directory=_data_directory,
        installation=_installation,
        environ=os.environ,
        refusals=(SettingsError, SchemaError, LedgerUnavailable),
    )
    build(doors)()


@contextmanager
def _open_house(options: Mapping[str, object]) -> Iterator[OpenHouse]:
    from keyhouse.app.house import opened, read_settings

    settings, _ = read_settings(options)
    with opened(settings) as house:
        yield house


def _initialise(options: Mapping[str, object]) -> FirstFacts:
    from keyhouse.app.first import initialise
    from keyhouse.app.house import opened, read_settings

    settings, _ = read_settings(options)
    with opened(settings, create=True) as house:
        return initialise(house)


def _serve(options: Mapping[str, object]) -> int:
    from keyhouse.app.house import read_settings
    from keyhouse.app.serve import serve

    settings, warnings = read_settings(options)
    return serve(settings, warnings)


def _data_directory(options: Mapping[str, object]) -> Path:
    from keyhouse.app.house import read_settings

    return read_settings(options)[0].data


def _installation(options: Mapping[str, object]) -> Installation:
    from keyhouse.app.house import read_settings
    from keyhouse.app.installation import find

    return find(read_settings(options)[0])
