"""Rate limits of models, of keys, and what a gateway reads of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.domain.limits import NO_LIMIT, RateLimitRule, RateLimits, rule_id
from keyhouse.store.contract import KeyFilter, Page, Store
from tests.store.makers import ORG, OTHER_ORG, OTHER_PROJECT, PROJECT, make_key

SIX = RateLimits(1, 2, 3, 4, 0, NO_LIMIT)


def make_rule(model: str, project_id: str | None = PROJECT, limits: RateLimits = SIX) -> RateLimitRule:
    return RateLimitRule(rule_id(project_id or ORG, model), ORG, project_id, model, 1000, limits)


def put(store: Store, *rules: RateLimitRule) -> None:
    with store.write() as tx:
        for rule in rules:
            tx.rate_limits.put(rule)


def test_a_rule_comes_back_as_it_was_stored(store: Store) -> None:
    rule = replace(make_rule("größe/模型"), increase=RateLimits(max_requests_per_1_minute=9), increase_until=2000)
    bare = make_rule("gpt-4o", limits=RateLimits(max_requests_per_1_day=0))
    put(store, rule, bare)
    with store.read() as tx:
        assert tx.rate_limits.get(ORG, rule.id) == rule
        assert tx.rate_limits.get(ORG, bare.id) == bare
        assert tx.rate_limits.get(OTHER_ORG, rule.id) is None
        assert tx.rate_limits.get(ORG, "rl-none") is None


def test_a_rule_replaces_the_one_of_its_model(store: Store) -> None:
    put(store, make_rule("gpt-4o"))
    put(store, make_rule("gpt-4o", limits=RateLimits(max_requests_per_1_minute=7)))
    with store.read() as tx:
        assert [rule.limits.given for rule in tx.rate_limits.all()] == [{"max_requests_per_1_minute": 7}]


def test_a_rule_that_sets_nothing_is_forgotten(store: Store) -> None:
    put(store, make_rule("gpt-4o"), make_rule("gpt-4o-mini"))
    put(store, make_rule("gpt-4o", limits=RateLimits()), make_rule("never-was", limits=RateLimits()))
    with store.read() as tx:
        assert [rule.model for rule in tx.rate_limits.all()] == ["gpt-4o-mini"]


def test_rules_of_a_project_and_of_the_organization_are_kept_apart(store: Store) -> None:
    put(store, make_rule("b"), make_rule("a"), make_rule("a", OTHER_PROJECT), make_rule("c", None))
    with store.read() as tx:
        assert [rule.model for rule in tx.rate_limits.of_project(ORG, PROJECT)] == ["a", "b"]
        assert [rule.model for rule in tx.rate_limits.of_project(ORG, OTHER_PROJECT)] == ["a"]
        assert [rule.model for rule in tx.rate_limits.of_project(ORG, None)] == ["c"]
        assert tx.rate_limits.of_project(OTHER_ORG, PROJECT) == []
        assert len(tx.rate_limits.all()) == 4


def test_a_rule_of_nothing_that_exists_is_refused(store: Store) -> None:
    with pytest.raises(KeyhouseError) as refused:
        put(store, make_rule("gpt-4o", "proj_none"))
    assert refused.value.code is ErrorCode.CONFLICT


def test_the_limits_of_a_key_come_back_wherever_it_is_read(store: Store) -> None:
    limits = RateLimits(max_requests_per_1_minute=5, max_tokens_per_1_minute=0)
    key, free = make_key(1, rate_limits=limits), make_key(2)
    with store.write() as tx:
        tx.keys.add(key)
        tx.keys.add(free)
    with store.read() as tx:
        assert tx.keys.get(ORG, key.id) == key
        ring = tx.keys.find_secret("pub000000001")
        assert ring is not None
        assert ring.key.rate_limits == limits
        assert [k.rate_limits for k in tx.keys.list(ORG, KeyFilter(PROJECT), Page()).items] == [limits, None]
    with store.write() as tx:
        tx.keys.save(replace(key, rate_limits=None))
        tx.keys.save(replace(free, rate_limits=limits))
    with store.read() as tx:
        assert [k.rate_limits for k in tx.keys.list(ORG, KeyFilter(PROJECT), Page()).items] == [None, limits]
