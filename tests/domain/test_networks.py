"""Networks: one way to write each, and what they hold, compared with the standard library over many."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.networks import Networks, address_of, network_of, written

WRITTEN = [
    ("203.0.113.7", "203.0.113.7"),
    ("203.0.113.7/32", "203.0.113.7"),
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("2001:DB8:0::/32", "2001:db8::/32"),
    ("2001:db8::1/128", "2001:db8::1"),
    ("::/0", "::/0"),
    ("::ffff:203.0.113.7", "203.0.113.7"),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ("::ffff:0:0/96", "0.0.0.0/0"),
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_a_network_has_one_way_to_be_written(text: str, expected: str) -> None:
    assert written(network_of(text)) == expected
    assert written(network_of(expected)) == expected


NO_NETWORKS = [
    "", " ", "localhost", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "/8", "10/8",
    "10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", "fe80::1%eth0", "fe80::%1/64", "10.0.0.1:80", "[::1]", "10.0.0.0 /8", "*",
    "10.0.0.1-10.0.0.9", "٠.0.0.0", "10.0.0.0/٨", "10.0.0.1\n", "1" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_NETWORKS, ids=lambda text: repr(text[:20]))
def test_what_is_no_network_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="it is no address and no CIDR such as"):
        network_of(text)


@pytest.mark.parametrize(("text", "meant"), [("10.0.0.5/8", "10.0.0.0/8"), ("2001:db8::1/32", "2001:db8::/32")])
def test_bits_after_the_prefix_are_refused_with_what_may_be_meant(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"bits set after its prefix; did you mean {meant}"):
        network_of(text)


def test_ipv4_is_the_same_in_its_mapped_form() -> None:
    assert Networks(["10.0.0.0/8"]).holds("::ffff:10.1.2.3")
    assert Networks(["::ffff:10.0.0.0/104"]).holds("10.1.2.3")
    assert not Networks(["::ffff:10.0.0.0/104"]).holds("11.1.2.3")
    assert address_of("::ffff:10.1.2.3") == IPv4Address("10.1.2.3")


def test_no_other_ipv6_network_holds_ipv4_and_none_of_ipv4_holds_ipv6() -> None:
    assert not Networks(["::/0"]).holds("10.1.2.3")
    assert not Networks(["::/0"]).holds("::ffff:10.1.2.3")
    assert not Networks(["0.0.0.0/0"]).holds("::1")
    assert Networks(["::/0"]).holds("::1")


@pytest.mark.parametrize("text", ["", "unknown", "fe80::1%eth0", "10.0.0.1:80", "10.0.0.0/8", "010.0.0.1"])
def test_what_is_no_address_is_in_no_network(text: str) -> None:
    assert not Networks(["0.0.0.0/0", "::/0"]).holds(text)


def test_no_networks_hold_nothing() -> None:
    assert not Networks([]).holds("10.0.0.1")
    assert not Networks([]).holds("::1")


def _networks_of(bits: int, most: int) -> st.SearchStrategy[str]:
    # Few networks and addresses near each other, so that they meet.
    address = IPv4Address if bits == 32 else IPv6Address
    number = st.integers(0, 255).map(lambda n: n << (bits - 8)) | st.integers(0, 255)
    return st.tuples(number, st.integers(0, most)).map(
        lambda pair: str(ip_network(f"{address(pair[0])}/{pair[1]}", strict=False))
    )


V4 = _networks_of(32, 32)
V6 = _networks_of(128, 128)
NEAR = (st.integers(0, 255).map(lambda n: n << 24) | st.integers(0, 255)).map(lambda n: str(IPv4Address(n)))
NEAR6 = (st.integers(0, 255).map(lambda n: n << 120) | st.integers(0, 255)).map(lambda n: str(IPv6Address(n)))


@given(st.lists(V4 | V6, max_size=12), NEAR | NEAR6)
def test_networks_hold_what_one_of_them_holds(texts: list[str], address: str) -> None:
    asked = ip_address(address)
    assert Networks(texts).holds(address) is any(asked in ip_network(text) for text in texts)


SMALL = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(
    lambda pair: str(ip_network(f"10.0.0.{pair[0]}/{pair[1]}", strict=False))
)


@given(st.lists(SMALL, max_size=12), st.lists(SMALL, max_size=3))
def test_networks_cover_what_lies_in_them_together(texts: list[str], asked: list[str]) -> None:
    held = {address for text in texts for address in ip_network(text)}
    assert Networks(texts).cover(asked) is all(address in held for text in asked for address in ip_network(text))


def test_no_network_covers_one_of_the_other_kind() -> None:
    assert Networks(["10.0.0.0/8"]).cover(["::ffff:10.1.0.0/112"])
    assert not Networks(["::/0"]).cover(["10.0.0.1"])
    assert not Networks(["0.0.0.0/0"]).cover(["::1"])
    assert Networks(["0.0.0.0/0", "::/0"]).cover(["10.0.0.0/8", "2001:db8::/32"])
    assert Networks([]).cover([])
