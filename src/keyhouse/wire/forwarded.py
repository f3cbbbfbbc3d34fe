"""Who is behind the proxies in front: `X-Forwarded-For`, read as far as trust goes and no further.

Each proxy appends the address that it was called from, so the list is read from the right: the peer's word counts if the peer is
trusted, the word of the hop that it names if that is trusted too, and so on. The first hop that is not trusted is the client;
whatever stands to the left of it is that client's own invention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from keyhouse.domain.networks import Networks, address_of

MAX_HOPS = 32
"""A longer chain of trusted proxies is taken for a mistake."""

_HEADER = b"x-forwarded-for"
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def peer_address(text: str) -> str:
    """A peer's address as the system tells it, in the form in which addresses are compared: without a zone, IPv4 as IPv4."""
    plain = text.partition("%")[0]
    return str(address_of(plain) or plain)


def client_address(headers: Sequence[tuple[bytes, bytes]], peer: str, trusted: Networks) -> str:
    """The client's address for a request of `peer`, or "" where a trusted hop names something that is no address.

    A trusted hop that names nobody is the client itself.
    """
    client = peer
    for count, hop in enumerate(_from_the_right(headers)):
        if not trusted.holds(client):
            return client
        named = _address(hop.strip(b" \t").decode("latin-1")) if count < MAX_HOPS else ""
        if not named:
            return ""
        client = named
    return client


def _from_the_right(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """The elements of all lines of the header: several lines are one list."""
    for name, value in reversed(headers):
        if name == _HEADER:
            yield from reversed(value.split(b","))


def _address(text: str) -> str:
    """The address of an element; some proxies append the port."""
    with_port = _WITH_PORT.fullmatch(text)
    found = address_of(text if with_port is None else with_port[1] or with_port[2])
    return "" if found is None else str(found)
