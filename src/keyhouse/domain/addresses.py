"""Which addresses that somebody else named may be reached: those of upstreams, and of receivers of notices."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_DOCUMENTATION = IPv6Network("3fff::/20")
_NOT_FOR_HOSTS = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    # Azure's wire server: a global address that answers every machine of that cloud with its own secrets.
    IPv4Network("168.63.129.16/32"),
)


def is_public(address: str) -> bool:
    """Whether `address`, numeric, is a host of the public internet, by the address that packets finally go to.

    IPv4 that is carried inside IPv6 (mapped, 6to4, NAT64) is judged as that IPv4.
    Source: the IANA special-purpose registries as `ipaddress` knows them, narrowed where those are generous.
    """
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        inner = _carried(parsed)
        if inner is None:
            return parsed in _GLOBAL_UNICAST and parsed.is_global and parsed not in _DOCUMENTATION
        parsed = inner
    return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NOT_FOR_HOSTS)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
