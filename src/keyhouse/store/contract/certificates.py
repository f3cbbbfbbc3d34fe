"""Client certificates, and where they are active: facts that control writes and gateways follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from keyhouse.domain.certificates import Activation, Certificate
from keyhouse.store.contract.facts import Listed, Page


class Certificates(Protocol):
    """No two certificates of an organization have one fingerprint. `scope_id` is a project's id, or the organization's own."""

    def add(self, certificate: Certificate) -> None: ...
    def rename(self, certificate_id: str, name: str) -> None: ...
    def remove(self, certificate_id: str) -> None:
        """Raises `conflict` while it is active anywhere."""
        ...

    def get(self, organization_id: str, certificate_id: str) -> Certificate | None: ...
    def list(self, organization_id: str) -> Sequence[Certificate]:
        """Every certificate of the organization, oldest first."""
        ...

    def page(self, organization_id: str, page: Page) -> Listed[Certificate]: ...
    def activate(self, certificate_ids: Sequence[str], scope_id: str, at: int) -> None:
        """All or none. Raises `conflict` for one that is active there already."""
        ...

    def deactivate(self, certificate_ids: Sequence[str], scope_id: str) -> None: ...
    def active(self, scope_id: str) -> frozenset[str]:
        """The ids of the certificates that are active in this scope itself."""
        ...

    def scopes_of(self, certificate_id: str) -> frozenset[str]:
        """Where the certificate is active."""
        ...

    def in_force(self) -> Sequence[Activation]:
        """Everything that is active, in all organizations: what a gateway holds in memory."""
        ...
