"""Where a limit or a budget holds. A call is held to what is set at every level that it belongs to."""

from __future__ import annotations

from enum import Enum


class Level(Enum):
    """From the widest to the narrowest. The id at a level is an organization's, a project's or a key's."""

    ORGANIZATION = "organization"
    PROJECT = "project"
    KEY = "key"

    # By identity, as members compare; the one that enums bring is written in Python, and every call of a model asks for it.
    __hash__ = object.__hash__
