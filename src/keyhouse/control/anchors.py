"""Anchors: heads of the audit log's chain, one JSON line each, kept where its database is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from keyhouse.domain.errors import invalid
from keyhouse.store.contract import Anchor, Seal

MAC_LENGTH = 32


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    object: str
    seal: int
    sealed_at: int
    mac: str


def line(seal: Seal) -> str:
    """`{"object":"audit.anchor","seal":12,"sealed_at":1800000000,"mac":"…"}`; `mac` is in hex."""
    return msgspec.json.encode(_Line("audit.anchor", seal.number, seal.sealed_at, seal.mac.hex())).decode()


def read(lines: Iterable[str]) -> Iterator[Anchor]:
    """The anchors of a file, empty lines left out. Raises `invalid_value` for a line that is none."""
    for number, text in enumerate(lines, start=1):
        if text.strip():
            yield _anchor(text, number)


def _anchor(text: str, number: int) -> Anchor:
    try:
        found = msgspec.json.decode(text, type=_Line)
        mac = bytes.fromhex(found.mac)
    except ValueError:  # msgspec's errors are ValueErrors
        raise _no_anchor(number) from None
    if found.object != "audit.anchor" or len(mac) != MAC_LENGTH:
        raise _no_anchor(number)
    return Anchor(found.seal, mac)


def _no_anchor(number: int) -> Exception:
    return invalid("anchor", f"Line {number} of the file is not an anchor of an audit log.")
