"""The OpenAPI document is the code's own tables, whole."""

from __future__ import annotations

import re

import msgspec

from keyhouse.api import administration, docs_page, document
from keyhouse.api.shapes.table import GROUPS


def test_every_operation_that_is_served_has_a_shape() -> None:
    described = {(operation.method, operation.path) for operation in document.described()}
    assert sorted(set(document.served()) - described) == []


def test_every_shape_belongs_to_an_operation() -> None:
    shaped = {tuple(name.split(" ")) for group in GROUPS for name in group.shapes}
    assert sorted(shaped - set(document.served())) == []


def test_queries_and_bodies_have_the_fields_that_the_operation_takes() -> None:
    shapes = {(operation.method, operation.path): operation.shape for operation in document.described()}
    for operation in administration.OPERATIONS:
        shape = shapes[operation.method, operation.path]
        query = () if shape.query is None else shape.query.__struct_fields__
        assert sorted(query) == sorted(name for name in operation.query if "[" not in name), operation.path
        taken = () if operation.body is None else operation.body.__struct_fields__
        body = () if shape.body is None else shape.body.__struct_fields__
        assert sorted(body) == sorted(taken), operation.path


def test_names_of_operations_are_unique() -> None:
    names = [operation.id for operation in document.described()]
    assert len(set(names)) == len(names)


def test_every_reference_is_defined() -> None:
    defined = document.document()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', document.encoded().decode())) <= set(defined)


def test_the_bytes_are_the_document() -> None:
    assert msgspec.json.decode(document.encoded()) == document.document()


def test_the_page_shows_every_operation_and_asks_nobody_else() -> None:
    page = docs_page.page().decode()
    assert all(f"id='{operation.id}'" in page for operation in document.described())
    assert "<script" not in page
    assert " style=" not in page
    assert set(re.findall(r"(?:href|src)='(?!#)([^']*)'", page)) == {
        "/docs/icon.svg",
        "/docs/style.css",
        "/openapi.json",
    }
    assert "url(" not in docs_page.style().decode()


def test_every_link_of_the_page_leads_somewhere() -> None:
    page = docs_page.page().decode()
    assert set(re.findall(r"href='#([^']+)'", page)) <= set(re.findall(r"id='([^']+)'", page))
