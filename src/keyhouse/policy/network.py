"""Where a credential may be used from."""

from __future__ import annotations

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.keyring import Credential


def require_network(credential: Credential, address: str) -> None:
    """Raises 401 for a call from outside the key's allowlist, where it has one. `address` is "" where it cannot be known."""
    if credential.networks is not None and not credential.networks.holds(address):
        place = f"the address {address}" if address else "an address that cannot be known"
        message = (
            f"The API key '{credential.key.name}' may not be used from {place}: its IP allowlist does not hold it."
        )
        raise KeyhouseError(ErrorCode.IP_NOT_AUTHORIZED, message)
