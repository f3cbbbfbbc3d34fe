"""Billing: profiles, issued invoices, grants of credit, and tags for chargeback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from keyhouse.domain.billing import BillingProfile, Invoice
from keyhouse.domain.credit import CreditGrant
from keyhouse.store.contract.facts import Listed, Page


class BillingProfiles(Protocol):
    def get(self, organization_id: str) -> BillingProfile | None: ...
    def save(self, profile: BillingProfile) -> None:
        """Keeps the organization's profile, in place of the one it had."""
        ...


class Invoices(Protocol):
    """Issued invoices. They are added and never changed; sequences and months are unique within an organization."""

    def add(self, invoice: Invoice) -> None: ...
    def list(self, organization_id: str) -> Sequence[Invoice]:
        """All of them, by sequence: twelve a year."""
        ...

    def page(self, organization_id: str, page: Page) -> Listed[Invoice]:
        """By sequence."""
        ...


class CreditGrants(Protocol):
    """Grants of prepaid credit. They are added and never changed."""

    def add(self, grant: CreditGrant) -> None: ...
    def list(self, organization_id: str) -> Sequence[CreditGrant]:
        """All of them, oldest first."""
        ...


class Tags(Protocol):
    """Names and values on projects and keys, by the object's id."""

    def replace(self, organization_id: str, object_id: str, tags: Mapping[str, str]) -> None:
        """Gives the object these tags and no others."""
        ...

    def get(self, organization_id: str, object_id: str) -> dict[str, str]: ...
    def of(self, organization_id: str, object_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """The tags of these objects, by their ids; those without any are not in it. Read in few statements, however many."""
        ...

    def values(self, organization_id: str, name: str) -> dict[str, str]:
        """The value of this tag on every object that has it, by the object's id."""
        ...
