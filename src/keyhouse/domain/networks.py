"""Where calls may come from: addresses and networks, of IPv4 and IPv6.

IPv4 in IPv6's mapped form (`::ffff:203.0.113.7`) is that IPv4, in networks and in addresses alike; no other IPv6 network holds
IPv4, not even `::/0`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import TypeVar

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
N = TypeVar("N", IPv4Network, IPv6Network)

_MAPPED = IPv6Network("::ffff:0:0/96")
_IPV4_BITS = 0xFFFFFFFF
_WRITTEN = re.compile(r"[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?")


def address_of(text: str) -> Address | None:
    """The address that is written so; None for whatever is no address, one with a zone (`fe80::1%eth0`) included."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        return None if parsed.scope_id is not None else parsed.ipv4_mapped or parsed
    return parsed


def network_of(text: str) -> Network:
    """The network that an address or a CIDR stands for. Raises `ValueError`, whose text is a part of a sentence."""
    # `ip_network` would take netmasks too, and hosts' bits can be a slip of either half: neither is guessed.
    if not _WRITTEN.fullmatch(text):
        raise ValueError("it is no address and no CIDR such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32")
    try:
        loose = ip_network(text, strict=False)
    except ValueError:
        raise ValueError("it is no address and no CIDR such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32") from None
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f"it has bits set after its prefix; did you mean {loose}?") from None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & _IPV4_BITS, network.prefixlen - _MAPPED.prefixlen))
    return network


def written(network: Network) -> str:
    """The one way to write it: a single address without a prefix."""
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


class Networks:
    """Some networks, to ask whether they hold an address. Asking costs the same however many they are."""

    __slots__ = ("_ranges", "_texts")

    def __init__(self, texts: Iterable[str]) -> None:
        """Raises `ValueError` for a text that is no network."""
        self._texts = tuple(texts)
        parsed = [network_of(text) for text in self._texts]
        self._ranges = {
            4: _ranges(network for network in parsed if isinstance(network, IPv4Network)),
            6: _ranges(network for network in parsed if isinstance(network, IPv6Network)),
        }

    def __repr__(self) -> str:
        return f"Networks({list(self._texts)!r})"

    def holds(self, address: str) -> bool:
        """Whether the address is in one of them. What is no address is in none."""
        parsed = address_of(address)
        if parsed is None:
            return False
        starts, ends = self._ranges[parsed.version]
        number = int(parsed)
        at = bisect_right(starts, number) - 1
        return at >= 0 and number <= ends[at]

    def cover(self, texts: Iterable[str]) -> bool:
        """Whether every address of these networks is in one of them. Raises `ValueError` for a text that is no network."""
        return all(self._covers(network_of(text)) for text in texts)

    def _covers(self, network: Network) -> bool:
        # The ranges are as wide as networks can be: one that several cover together is covered by a single one.
        starts, ends = self._ranges[network.version]
        at = bisect_right(starts, int(network.network_address)) - 1
        return at >= 0 and int(network.broadcast_address) <= ends[at]


def _ranges(networks: Iterable[N]) -> tuple[list[int], list[int]]:
    """Where the networks begin and where they end, in order, none overlapping another."""
    apart = list(collapse_addresses(networks))
    return [int(n.network_address) for n in apart], [int(n.broadcast_address) for n in apart]
