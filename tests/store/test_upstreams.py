"""Upstreams."""

from __future__ import annotations

from dataclasses import replace

from keyhouse.store.contract import Page, Store
from tests.store.makers import ORG, OTHER_ORG, PROJECT, make_upstream


def test_an_upstream_comes_back_as_it_was_stored(store: Store) -> None:
    openai = make_upstream("openai")
    bare = replace(make_upstream("bare"), sealed_key=None, key_redacted=None, models=(), listed_models=())
    with store.write() as transaction:
        transaction.upstreams.add(openai)
        transaction.upstreams.add(bare)
    with store.read() as transaction:
        assert transaction.upstreams.by_name(ORG, "openai") == openai
        assert transaction.upstreams.by_name(ORG, "bare") == bare
        assert transaction.upstreams.by_name(OTHER_ORG, "openai") is None


def test_a_name_is_unique_in_its_organization_only(store: Store) -> None:
    with store.write() as transaction:
        transaction.upstreams.add(make_upstream("openai", created_at=2))
        transaction.upstreams.add(make_upstream("openai", OTHER_ORG, created_at=1))
    with store.read() as transaction:
        assert [upstream.organization_id for upstream in transaction.upstreams.all()] == [OTHER_ORG, ORG]


def test_an_upstream_is_changed_and_removed(store: Store) -> None:
    openai = make_upstream("openai")
    changed = replace(openai, models=("*",), project_id=PROJECT, ca_file="/ca.pem", listed_models=("a", "b"))
    with store.write() as transaction:
        transaction.upstreams.add(openai)
        transaction.upstreams.save(changed)
        assert transaction.upstreams.by_name(ORG, "openai") == changed
        transaction.upstreams.remove(openai.id)
        assert transaction.upstreams.all() == []
        transaction.upstreams.add(openai)


def test_an_upstream_is_found_by_id_in_its_organization_only(store: Store) -> None:
    openai = make_upstream("openai")
    with store.write() as transaction:
        transaction.upstreams.add(openai)
    with store.read() as transaction:
        assert transaction.upstreams.get(ORG, openai.id) == openai
        assert transaction.upstreams.get(OTHER_ORG, openai.id) is None
        assert transaction.upstreams.get(ORG, "ups_none") is None
        assert transaction.upstreams.list(OTHER_ORG, Page()).items == ()
