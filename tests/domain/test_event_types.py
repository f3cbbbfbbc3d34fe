"""The vocabulary of the audit log."""

from __future__ import annotations

import re

from keyhouse.domain.event_types import OURS, EventType

OPENAIS, TENANTS = 145, 86
"""How many types OpenAI's contract lists, and how many of those are a tenant's."""


def test_every_type_of_openai_s_is_known_and_ours_are_named_as_ours() -> None:
    assert len(set(EventType) - OURS) == OPENAIS
    assert sum(type_.is_tenant_scoped for type_ in EventType) == TENANTS
    assert not any(type_.is_tenant_scoped for type_ in OURS)


def test_types_are_alphabetical_and_of_one_grammar() -> None:
    values = [type_.value for type_ in EventType]
    assert values == sorted(values)
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value) for value in values)
