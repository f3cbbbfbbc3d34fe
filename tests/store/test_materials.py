"""What the database knows of peppers and master keys."""

from __future__ import annotations

from keyhouse.store.contract import KeyMaterial, MaterialKind, Store


def test_materials_are_told_apart_by_kind_and_id(store: Store) -> None:
    pepper = KeyMaterial("one", MaterialKind.PEPPER, "f1", 1)
    master_key = KeyMaterial("one", MaterialKind.MASTER_KEY, "f2", 2)
    with store.write() as transaction:
        transaction.materials.add(master_key)
        transaction.materials.add(pepper)
    with store.read() as transaction:
        assert transaction.materials.all() == [pepper, master_key]
