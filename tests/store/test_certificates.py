"""Client certificates, and where they are active: one contract for every store."""

from __future__ import annotations

import pytest

from keyhouse.domain.certificates import Activation, Certificate
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.store.contract import Store
from tests.store.makers import ORG, OTHER_ORG, PROJECT


def certificate(name: str, organization_id: str = ORG) -> Certificate:
    return Certificate(f"cert_{name}", organization_id, name, f"PEM {name}", f"{name}{organization_id}", 1, 99, 5)


def test_certificates_are_kept_renamed_and_forgotten(store: Store) -> None:
    one, two, other = certificate("one"), certificate("two"), certificate("three", OTHER_ORG)
    with store.write() as tx:
        for item in (two, one, other):
            tx.certificates.add(item)
    with store.write() as tx:
        assert tx.certificates.list(ORG) == [one, two]
        assert tx.certificates.get(ORG, other.id) is None
        tx.certificates.rename(one.id, "first")
        tx.certificates.remove(two.id)
        found = tx.certificates.get(ORG, one.id)
        assert found is not None
        assert found.name == "first"
        assert tx.certificates.list(OTHER_ORG) == [other]


def test_a_certificate_is_active_where_it_was_activated(store: Store) -> None:
    one, two = certificate("one"), certificate("two")
    with store.write() as tx:
        tx.certificates.add(one)
        tx.certificates.add(two)
        tx.certificates.activate([], ORG, 7)
        tx.certificates.activate([one.id, two.id], ORG, 7)
        tx.certificates.activate([one.id], PROJECT, 8)
    with store.write() as tx:
        assert tx.certificates.active(ORG) == {one.id, two.id}
        assert tx.certificates.scopes_of(one.id) == {ORG, PROJECT}
        assert tx.certificates.in_force() == [Activation(one, None), Activation(one, PROJECT), Activation(two, None)]
        tx.certificates.deactivate([one.id, two.id], ORG)
        assert tx.certificates.active(ORG) == frozenset()
        assert tx.certificates.in_force() == [Activation(one, PROJECT)]


def test_contradictions_are_conflicts(store: Store) -> None:
    one = certificate("one")
    with store.write() as tx:
        tx.certificates.add(one)
        tx.certificates.activate([one.id], ORG, 7)

    def twin() -> None:
        with store.write() as tx:
            tx.certificates.add(Certificate("cert_twin", ORG, None, "PEM", one.fingerprint, 1, 99, 5))

    def removed() -> None:
        with store.write() as tx:
            tx.certificates.remove(one.id)

    for attempt in (twin, removed):
        with pytest.raises(KeyhouseError) as error:
            attempt()
        assert error.value.code is ErrorCode.CONFLICT
    with store.read() as tx:
        assert tx.certificates.list(ORG) == [one]
