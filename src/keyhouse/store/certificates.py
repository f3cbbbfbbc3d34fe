"""Client certificates, and where they are active."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from keyhouse.domain.audit import EventType
from keyhouse.domain.certificates import Activation, Certificate
from keyhouse.domain.errors import not_found
from keyhouse.store.certificate_tables import certificate_activations as activations
from keyhouse.store.certificate_tables import certificates
from keyhouse.store.contract import Listed, Page
from keyhouse.store.paging import born_by, page_of
from keyhouse.store.rows import values_of

_IN_ORDER = (certificates.c.created_at, certificates.c.id)


class SqlCertificates:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, certificate: Certificate) -> None:
        self._connection.execute(insert(certificates).values(values_of(certificate)))

    def rename(self, certificate_id: str, name: str) -> None:
        renamed = update(certificates).where(certificates.c.id == certificate_id).values(name=name)
        if self._connection.execute(renamed).rowcount != 1:
            raise not_found("certificate", certificate_id)

    def remove(self, certificate_id: str) -> None:
        self._connection.execute(delete(certificates).where(certificates.c.id == certificate_id))

    def get(self, organization_id: str, certificate_id: str) -> Certificate | None:
        here = (certificates.c.organization_id == organization_id, certificates.c.id == certificate_id)
        row = self._connection.execute(select(certificates).where(*here)).one_or_none()
        return None if row is None else Certificate(**row._mapping)

    def list(self, organization_id: str) -> Sequence[Certificate]:
        query = select(certificates).where(certificates.c.organization_id == organization_id).order_by(*_IN_ORDER)
        return [Certificate(**row._mapping) for row in self._connection.execute(query)]

    def page(self, organization_id: str, page: Page) -> Listed[Certificate]:
        scope = [certificates.c.organization_id == organization_id]
        born = born_by(organization_id, EventType.CERTIFICATE_CREATED)
        rows, has_more = page_of(self._connection, certificates, scope, [], page, born=born)
        return Listed(tuple(Certificate(**row._mapping) for row in rows), has_more)

    def activate(self, certificate_ids: Sequence[str], scope_id: str, at: int) -> None:
        if not certificate_ids:
            return
        rows = [{"certificate_id": each, "scope_id": scope_id, "activated_at": at} for each in certificate_ids]
        self._connection.execute(insert(activations), rows)

    def deactivate(self, certificate_ids: Sequence[str], scope_id: str) -> None:
        here = (activations.c.certificate_id.in_(certificate_ids), activations.c.scope_id == scope_id)
        self._connection.execute(delete(activations).where(*here))

    def active(self, scope_id: str) -> frozenset[str]:
        query = select(activations.c.certificate_id).where(activations.c.scope_id == scope_id)
        return frozenset(self._connection.scalars(query))

    def scopes_of(self, certificate_id: str) -> frozenset[str]:
        query = select(activations.c.scope_id).where(activations.c.certificate_id == certificate_id)
        return frozenset(self._connection.scalars(query))

    def in_force(self) -> Sequence[Activation]:
        joined = certificates.join(activations, activations.c.certificate_id == certificates.c.id)
        query = select(*certificates.c, activations.c.scope_id).select_from(joined).order_by(*_IN_ORDER)
        found = []
        for row in self._connection.execute(query.order_by(activations.c.scope_id)):
            facts = dict(row._mapping)
            scope_id = facts.pop("scope_id")
            certificate = Certificate(**facts)
            found.append(Activation(certificate, None if scope_id == certificate.organization_id else scope_id))
        return found
