"""Bodies of which nothing may be kept: the upstream is not asked to store them, and nothing else of them changes."""

from __future__ import annotations

import json

import pytest

from keyhouse.domain.errors import KeyhouseError
from keyhouse.edge.body import Inspected
from keyhouse.edge.retention import unstored


def sent(body: bytes) -> bytes:
    return unstored(Inspected(body, "m", stream=False)).body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"m","store":true}', b'{"model":"m","store":false}'),
        (b'{ "store" : true ,"model":"m"}', b'{ "store" : false ,"model":"m"}'),
        (rb'{"model":"m","st\u006fre":true}', rb'{"model":"m","st\u006fre":false}'),
        (b'{"store":1,"n":123456789012345678901234567890}', b'{"store":false,"n":123456789012345678901234567890}'),
        (b'{"store":"yes","metadata":{"store":true}}', b'{"store":false,"metadata":{"store":true}}'),
    ],
)
def test_a_call_is_not_stored_upstream(body: bytes, expected: bytes) -> None:
    assert sent(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m"}',
        b'{"model":"m","store":false}',
        b'{"model":"m","store":null}',
        b'{"model":"m","metadata":{"store":true}}',
        b'{"model":"m","messages":[{"role":"user","content":"store"}]}',
        json.dumps({"model": "m", "messages": "a \u212a store"}, ensure_ascii=False).encode(),
    ],
)
def test_a_body_that_asks_for_no_storing_stays_as_it_came(body: bytes) -> None:
    assert sent(body) is body


@pytest.mark.parametrize(
    "body", [b'{"store":false,"store":true}', b'{"store":false,"Store":true}', '{"ſtore":true}'.encode()]
)
def test_a_store_that_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(KeyhouseError) as caught:
        sent(body)
    assert (caught.value.code.code, caught.value.param) == ("duplicate_field", "store")
