"""What every use case is given: the store, the time, what secrets hang on, and how running gateways are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from keyhouse.domain.audit import OPERATOR, Actor
from keyhouse.domain.authority import FULL_AUTHORITY, NO_AUTHORITY, Authority
from keyhouse.domain.errors import KeyhouseError
from keyhouse.policy.peppers import Peppers
from keyhouse.store.contract import Sealer, Store

ListModels = Callable[[str, str | None, str | None], Sequence[str]]
"""(base URL, key or None, CA file or None) -> the names that the upstream lists. Blocks. Raises `KeyhouseError` if it does not
answer."""


@dataclass(frozen=True, slots=True)
class Control:
    """The house, as control sees it. `clock` gives Unix seconds."""

    store: Store
    clock: Callable[[], int]
    peppers: Peppers
    sealer: Sealer
    announce: Callable[[int], None]
    """Given the seq of a change row that is committed: returns when every running gateway obeys it, and raises if one does not.
    Blocks; never called from an event loop."""
    list_models: ListModels
    public_url: str = "http://127.0.0.1:8585"
    """Where people reach this house, for links; without a slash at its end."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a use case runs, in which organization, and what that allows: nothing, unless somebody granted it."""

    organization_id: str
    actor: Actor
    authority: Authority = field(default=NO_AUTHORITY, repr=False)
    networks: tuple[str, ...] | None = None
    """Where the key that calls may be used from; None: from anywhere, or no key calls."""

    @classmethod
    def operator(cls, organization_id: str) -> Caller:
        """Somebody at the machine, who may do everything."""
        return cls(organization_id, OPERATOR, FULL_AUTHORITY)


class KnownCallerError(KeyhouseError):
    """A refusal by the administration API of a key that is known: `caller` is whom the audit names."""

    def __init__(self, refusal: KeyhouseError, caller: Caller) -> None:
        super().__init__(refusal.code, refusal.message, param=refusal.param, headers=refusal.headers)
        self.caller = caller
