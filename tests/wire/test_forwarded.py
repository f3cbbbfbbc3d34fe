"""The walk through `X-Forwarded-For`: as far as trust goes, from the right, and what a client invents changes nothing."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.networks import Networks
from keyhouse.wire.forwarded import MAX_HOPS, client_address, peer_address

PROXIES = ["10.0.0.0/8", "2001:db8:aaaa::/48"]
TRUSTED = Networks(PROXIES)


def told(*lines: str) -> list[tuple[bytes, bytes]]:
    """A request's headers, one line of the header for each text."""
    lines_of = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    return [(b"host", b"keys.example"), *lines_of, (b"x-real-ip", b"198.51.100.66")]


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9, 10.0.0.2, 10.0.0.3"], "203.0.113.9"),
        (["1.1.1.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        (["garbage, , 203.0.113.9"], "203.0.113.9"),
        (["\t203.0.113.9 "], "203.0.113.9"),
        (["2001:DB8::9"], "2001:db8::9"),
        (["203.0.113.9, 2001:db8:aaaa::1"], "203.0.113.9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["[2001:db8::9]:4711"], "2001:db8::9"),
        (["[2001:db8::9]"], "2001:db8::9"),
        (["10.0.0.4, 10.0.0.2"], "10.0.0.4"),
        ([], "10.0.0.1"),
    ],
)
def test_the_first_hop_that_is_not_trusted_is_the_client(lines: list[str], client: str) -> None:
    assert client_address(told(*lines), "10.0.0.1", TRUSTED) == client


@pytest.mark.parametrize(
    "lines",
    [
        [""],
        [","],
        ["203.0.113.9,"],
        ["203.0.113.9", ""],
        ["unknown"],
        ["203.0.113.9, unknown"],
        ["_hidden"],
        ["203.0.113.0/24"],
        ["fe80::1%eth0"],
        ["[203.0.113.9]"],
        ["203.0.113.9:"],
        ["203.0.113.9:http"],
        ['"203.0.113.9"'],
        ["203.0.113.9 10.0.0.2"],
        ["203.0.113.9\x00"],
        ["203.0.113.009"],
        ["\xff\xfe"],
        ["203.0.113.9, garbage, 10.0.0.2"],
    ],
)
def test_what_is_no_address_ends_trust_and_leaves_the_client_unknown(lines: list[str]) -> None:
    assert client_address(told(*lines), "10.0.0.1", TRUSTED) == ""


@pytest.mark.parametrize("peer", ["203.0.113.1", "11.0.0.1", "2001:db8:bbbb::1", ""])
def test_a_peer_that_is_not_trusted_is_the_client_whatever_it_says(peer: str) -> None:
    assert client_address(told("10.0.0.9"), peer, TRUSTED) == peer
    assert client_address(told("garbage"), peer, TRUSTED) == peer


def test_a_chain_of_trusted_hops_without_an_end_is_no_client() -> None:
    assert client_address(told(", ".join(["10.0.0.2"] * MAX_HOPS)), "10.0.0.1", TRUSTED) == "10.0.0.2"
    assert client_address(told(", ".join(["10.0.0.2"] * (MAX_HOPS + 1))), "10.0.0.1", TRUSTED) == ""


def test_a_peers_address_is_compared_without_its_zone_and_as_ipv4_where_it_is() -> None:
    assert peer_address("fe80::1%eth0") == "fe80::1"
    assert peer_address("::ffff:10.0.0.1") == "10.0.0.1"
    assert peer_address("") == ""


strangers = st.integers(1, 2**16).map(lambda n: str(IPv4Address((203 << 24) + n))) | st.integers(1, 2**16).map(
    lambda n: str(IPv6Address((0x2A00 << 112) + n))
)
proxies = st.integers(1, 2**24 - 1).map(lambda n: str(IPv4Address((10 << 24) + n)))
inventions = st.lists(st.text("0123456789abcdef.:,[] %x", max_size=40) | strangers | proxies, max_size=5)
between = st.sampled_from([",", ", ", " ,", "\t,\t"])


@given(inventions, strangers, st.lists(proxies, min_size=1, max_size=6), between, st.lists(st.booleans(), min_size=6))
def test_no_invention_changes_who_the_client_is(
    invented: list[str], client: str, hops: list[str], comma: str, appends: list[bool]
) -> None:
    """`client` calls the first of `hops`, that the next, and the last calls us. Each appends to the line or adds a line."""
    lines = list(invented)
    for caller, append in zip([client, *hops[:-1]], appends, strict=False):
        if lines and append:
            lines[-1] = f"{lines[-1]}{comma}{caller}"
        else:
            lines.append(caller)
    assert client_address(told(*lines), hops[-1], TRUSTED) == client


@given(st.lists(st.binary(max_size=60), max_size=4), strangers | proxies)
def test_the_client_is_an_address_or_unknown_whatever_is_sent(values: list[bytes], peer: str) -> None:
    found = client_address([(b"x-forwarded-for", value) for value in values], peer, TRUSTED)
    assert found in {"", peer} or Networks(["0.0.0.0/0", "::/0"]).holds(found)
