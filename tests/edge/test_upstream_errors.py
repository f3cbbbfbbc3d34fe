"""No failure of an upstream is without a sentence for the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyhouse.edge.upstream_errors import _TOLD, told
from keyhouse.upstream import contract
from keyhouse.upstream.contract import UpstreamError
from keyhouse.upstream.http import HttpTransport


def family(error: type[UpstreamError]) -> Iterator[type[UpstreamError]]:
    yield error
    for child in error.__subclasses__():
        yield from family(child)


ALL = sorted(set(family(UpstreamError)), key=lambda error: error.__name__)


def test_the_whole_tree_is_loaded_and_known() -> None:
    assert HttpTransport.__module__.startswith("keyhouse.upstream.http")
    assert {error.__module__ for error in ALL} == {contract.__name__}
    assert set(ALL) == set(_TOLD)


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_every_failure_is_told_with_a_status_and_the_upstreams_name_and_nothing_of_its_details(
    error: type[UpstreamError],
) -> None:
    answer = told(error("connect to 10.0.0.7: Bearer sk-upstream"), "openai")
    timed_out = error.__name__.endswith("Timeout") and error is not contract.PoolTimeout
    assert answer.code.status == (504 if timed_out else 502)
    assert answer.message.startswith("The upstream 'openai' ")
    assert answer.message.endswith(".")
    assert "10.0.0.7" not in answer.message
    assert "sk-upstream" not in answer.message


def test_what_never_reached_the_upstream_is_told_apart_from_what_may_have() -> None:
    unreachable = {error for error in ALL if told(error(), "u").code.code == "upstream_unreachable"}
    assert unreachable <= set(family(contract.NotSent))
    assert {error for error in ALL if not error.sent} == {*family(contract.NotSent), UpstreamError}
