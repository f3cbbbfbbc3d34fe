"""The models that are known by name in a project or in the organization, without asking an upstream."""

from __future__ import annotations

from keyhouse.control.context import Caller
from keyhouse.control.fields import DAY, MAX_NAME
from keyhouse.domain.upstreams import only_for
from keyhouse.store.contract import RollupFilter, Transaction, Width

USED_WITHIN_DAYS = 30


def known_models(tx: Transaction, caller: Caller, project_id: str | None, now: int) -> set[str]:
    """Models that upstreams for the project (None: for the whole organization) name or list, and those that were answered there
    within the last `USED_WITHIN_DAYS` days, which is how a model that only a glob matches becomes known."""
    return _listed(tx, caller, project_id) | _used(tx, caller, project_id, now)


def _listed(tx: Transaction, caller: Caller, project_id: str | None) -> set[str]:
    found: set[str] = set()
    house = tx.organizations.first()
    for upstream in tx.upstreams.all():
        ours = only_for(upstream, None if house is None else house.id) in {None, caller.organization_id}
        if ours and (project_id is None or upstream.project_id in {None, project_id}):
            found.update(name for name in upstream.models if not is_glob(name))
            found.update(upstream.listed_models)
    return found


def _used(tx: Transaction, caller: Caller, project_id: str | None, now: int) -> set[str]:
    today = now - now % DAY
    where = RollupFilter(
        caller.organization_id,
        today - USED_WITHIN_DAYS * DAY,
        today + DAY,
        project_ids=None if project_id is None else (project_id,),
    )
    # A caller may ask for any name where a glob matches everything: only what was answered is a model.
    answered = {
        key.model for key, _ in tx.rollups.sum(Width.DAY, where, ("model", "outcome")) if key.outcome == "completed"
    }
    return {name for name in answered if 1 <= len(name) <= MAX_NAME and name.isprintable() and not is_glob(name)}


def is_glob(name: str) -> bool:
    return any(c in name for c in "*?[")
