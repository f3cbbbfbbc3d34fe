"""Upstreams: who answers calls for which models."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenAI-compatible server. `sealed_key` is encrypted under the master key; `models` are names and globs.

    `project_id` dedicates it to one project: no other project's calls reach it.
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


def seal_context(upstream_id: str) -> str:
    """What an upstream's key is sealed for: a sealed key that is moved to another upstream does not open."""
    return f"upstream:{upstream_id}"
