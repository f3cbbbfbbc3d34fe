"""Where a credential may be used from, and what its holder is told elsewhere."""

from __future__ import annotations

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.keyring import Credential, credential_of
from keyhouse.policy.network import require_network
from keyhouse.policy.peppers import Peppers
from tests.policy.credentials import PEPPER, made

PEPPERS = Peppers("p1", {"p1": PEPPER})


def credential(*ip_allowlist: str) -> Credential:
    return credential_of(made(PEPPERS, ip_allowlist=ip_allowlist)[1])


@pytest.mark.parametrize("address", ["203.0.113.9", "::1", ""])
def test_a_key_without_a_list_may_be_used_from_anywhere(address: str) -> None:
    require_network(credential_of(made(PEPPERS)[1]), address)


def test_a_key_may_be_used_from_what_is_in_its_list() -> None:
    key = credential("10.0.0.0/8", "203.0.113.7", "2001:db8::/32")
    for address in ("10.255.0.1", "::ffff:10.0.0.1", "203.0.113.7", "2001:db8::9"):
        require_network(key, address)


@pytest.mark.parametrize(
    ("allowed", "address", "place"),
    [
        (("10.0.0.0/8",), "203.0.113.9", "the address 203.0.113.9"),
        (("203.0.113.7",), "203.0.113.8", "the address 203.0.113.8"),
        (("10.0.0.0/8",), "2001:db8::9", "the address 2001:db8::9"),
        (("0.0.0.0/0", "::/0"), "", "an address that cannot be known"),
        ((), "203.0.113.9", "the address 203.0.113.9"),
    ],
)
def test_a_key_is_refused_elsewhere_in_openais_words(allowed: tuple[str, ...], address: str, place: str) -> None:
    with pytest.raises(KeyhouseError) as refused:
        require_network(credential(*allowed), address)
    assert refused.value.code is ErrorCode.IP_NOT_AUTHORIZED
    assert (refused.value.code.code, refused.value.code.status) == ("ip_not_authorized", 401)
    expected = f"The API key 'Alice's laptop' may not be used from {place}: its IP allowlist does not hold it."
    assert refused.value.message == expected
