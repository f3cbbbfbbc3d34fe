"""Upstreams: who answers calls for which models."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenAI-compatible server. `sealed_key` is encrypted under the master key; `models` are names and globs.

    `project_id` dedicates it to one project: no other project's calls reach it. See `only_for`.
    """

    id: str
    organization_id: str
    name: str
    base_url: str
    models: tuple[str, ...]
    created_at: int
    sealed_key: bytes | None = field(default=None, repr=False)
    key_redacted: str | None = None
    project_id: str | None = None
    ca_file: str | None = None
    listed_models: tuple[str, ...] = ()
    """What the upstream listed when it was added or last tested: what `GET /v1/models` shows for its globs."""


def only_for(upstream: Upstream, house_id: str | None) -> str | None:
    """The organization whose calls alone reach it, None for everybody's: what the organization that runs the house has, and has
    dedicated to none of its projects, is there for all."""
    is_shared = upstream.organization_id == house_id and upstream.project_id is None
    return None if is_shared else upstream.organization_id


def seal_context(upstream_id: str) -> str:
    """What an upstream's key is sealed for: a sealed key that is moved to another upstream does not open."""
    return f"upstream:{upstream_id}"
