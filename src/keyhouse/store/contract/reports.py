"""What reports read: sums of usage, and the log of refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from keyhouse.domain.usage import RefusedCall


class Width(Enum):
    """Bucket widths in seconds."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400


class RollupKey(NamedTuple):
    """What a rollup counts apart. `bucket` is the bucket's start (Unix seconds, UTC); absent ids and names are ''. `model` is
    the model answered, or asked where none answered. `pricing` keeps the tokens of unpriced calls apart from the others'."""

    bucket: int
    organization_id: str
    project_id: str
    user_id: str
    service_account_id: str
    key_id: str
    operation: str
    model: str
    upstream: str
    service_tier: str
    outcome: str
    pricing: str


class RollupSums(NamedTuple):
    """What a rollup adds up. `unpriced_requests` counts calls whose cost is unknown; `estimated_requests` those we counted."""

    requests: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    cost_input_nanos: int
    cost_cached_nanos: int
    cost_output_nanos: int
    unpriced_requests: int
    estimated_requests: int


class RollupFilter(NamedTuple):
    """Which rollups a report reads: `start` inclusive, `end` exclusive. None does not restrict; an empty tuple allows nothing."""

    organization_id: str
    start: int
    end: int
    project_ids: tuple[str, ...] | None = None
    user_ids: tuple[str, ...] | None = None
    key_ids: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None


class Rollups(Protocol):
    """Sums by minute, hour and day. Only minutes are written at every roll-up; `fold` adds them up to hours, and those to days,
    which changes no answer of `sum`."""

    def apply(self, through_seq: int, minutes: Mapping[RollupKey, RollupSums]) -> None:
        """Adds the sums by minute and moves the mark, together: after a crash nothing is added twice and nothing left out.

        Where the mark is at `through_seq` already, or beyond, nothing is added.
        """
        ...

    def mark(self) -> int:
        """The ledger's seq up to which rows are rolled up, 0 if none."""
        ...

    def fold(self, until: int) -> bool:
        """Folds some of the hours that end by `until` (Unix seconds), or of the days that end in folded hours. True: go on, in
        a transaction of its own; False: nothing is left. A minute that comes late to what is folded counts there too."""
        ...

    def folded_before(self) -> int:
        """The Unix second before which every minute is folded into its hour, 0 if none."""
        ...

    def sum(
        self, width: Width, where: RollupFilter, group_by: tuple[str, ...]
    ) -> Sequence[tuple[RollupKey, RollupSums]]:
        """Sums per bucket and per field of `group_by` (names of RollupKey), ordered by bucket, then by those fields; fields that
        are not grouped are ''."""
        ...


class Refusals(Protocol):
    """A bounded log: at most `keep` entries of an organization, the oldest fall out."""

    def append(self, refusals: Sequence[RefusedCall], keep: int) -> None: ...
    def newest(self, organization_id: str, limit: int = 100) -> Sequence[RefusedCall]: ...
