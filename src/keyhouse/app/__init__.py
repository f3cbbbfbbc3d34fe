"""The composition root: the only room that names concrete classes and puts them together."""

from __future__ import annotations


def main() -> None:
    """The program `keyhouse`."""
    from keyhouse.app.doors import program

    program()
