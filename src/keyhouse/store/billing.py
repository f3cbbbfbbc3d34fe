"""Billing: profiles, issued invoices, grants of credit, and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from keyhouse.domain.billing import BillingProfile, Invoice
from keyhouse.domain.credit import CreditGrant
from keyhouse.store.contract import Listed, Page
from keyhouse.store.money_tables import billing_profiles, credit_grants, invoices
from keyhouse.store.money_tables import tags as table
from keyhouse.store.paging import Ordered, page_in
from keyhouse.store.rows import slices, values_of

"""Of one statement: databases bound the parameters that one may have."""


class SqlBillingProfiles:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, organization_id: str) -> BillingProfile | None:
        query = select(billing_profiles.c.profile).where(billing_profiles.c.organization_id == organization_id)
        found: BillingProfile | None = self._connection.execute(query).scalar_one_or_none()
        return found

    def save(self, profile: BillingProfile) -> None:
        mine = billing_profiles.c.organization_id == profile.organization_id
        if self._connection.execute(update(billing_profiles).where(mine).values(profile=profile)).rowcount != 1:
            values = {"organization_id": profile.organization_id, "profile": profile}
            self._connection.execute(insert(billing_profiles).values(values))


class SqlInvoices:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, invoice: Invoice) -> None:
        self._connection.execute(insert(invoices).values(values_of(invoice)))

    def list(self, organization_id: str) -> Sequence[Invoice]:
        query = select(invoices).where(invoices.c.organization_id == organization_id).order_by(invoices.c.sequence)
        return [Invoice(**row._mapping) for row in self._connection.execute(query)]

    def page(self, organization_id: str, page: Page) -> Listed[Invoice]:
        scope = [invoices.c.organization_id == organization_id]
        listed = Ordered(select(invoices), (invoices.c.sequence,), invoices.c.id, scope)
        rows, has_more = page_in(self._connection, listed, page)
        return Listed(tuple(Invoice(**row._mapping) for row in rows), has_more)


class SqlCreditGrants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, grant: CreditGrant) -> None:
        self._connection.execute(insert(credit_grants).values(values_of(grant)))

    def list(self, organization_id: str) -> Sequence[CreditGrant]:
        query = select(credit_grants).where(credit_grants.c.organization_id == organization_id)
        rows = self._connection.execute(query.order_by(credit_grants.c.created_at, credit_grants.c.id))
        return [CreditGrant(**row._mapping) for row in rows]


class SqlTags:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, organization_id: str, object_id: str, tags: Mapping[str, str]) -> None:
        mine = (table.c.organization_id == organization_id, table.c.object_id == object_id)
        self._connection.execute(delete(table).where(*mine))
        place = {"organization_id": organization_id, "object_id": object_id}
        rows = [{**place, "name": name, "value": value} for name, value in tags.items()]
        if rows:
            self._connection.execute(insert(table), rows)

    def get(self, organization_id: str, object_id: str) -> dict[str, str]:
        mine = (table.c.organization_id == organization_id, table.c.object_id == object_id)
        rows = self._connection.execute(select(table.c.name, table.c.value).where(*mine).order_by(table.c.name))
        return {row.name: row.value for row in rows}

    def of(self, organization_id: str, object_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for some in slices(object_ids):
            query = select(table.c.object_id, table.c.name, table.c.value)
            query = query.where(table.c.organization_id == organization_id, table.c.object_id.in_(some))
            for row in self._connection.execute(query.order_by(table.c.object_id, table.c.name)):
                found.setdefault(row.object_id, {})[row.name] = row.value
        return found

    def values(self, organization_id: str, name: str) -> dict[str, str]:
        named = (table.c.organization_id == organization_id, table.c.name == name)
        rows = self._connection.execute(select(table.c.object_id, table.c.value).where(*named))
        return {row.object_id: row.value for row in rows}
