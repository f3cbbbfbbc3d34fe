"""Calls that said what a retry of theirs looks like, and the answers that are kept for one."""

from __future__ import annotations

from typing import Protocol

from keyhouse.domain.idempotency import Claim, First


class IdempotencyClaims(Protocol):
    """One claim for each (key id, digest) at a time. `holder` names the process that runs the claimed call.

    Only the claim that holds the place is ended: ending one that has expired or was released changes nothing.
    """

    def claim(self, claim: Claim, holder: str) -> First | None:
        """Takes the place and returns None, or returns who has it. A claim that has expired at `claim.claimed_at` has none.

        In a transaction that writes: of two at once, one takes it.
        """
        ...

    def keep(self, claim: Claim, answer: bytes | None) -> None:
        """Ends the claim with its sealed answer; None where there is none to keep. Retries are answered until it expires."""
        ...

    def release(self, claim: Claim) -> None:
        """Ends the claim as if it had never been: a retry runs."""
        ...

    def release_of_others(self, holder: str) -> int:
        """Releases all claims of calls that another holder ran; how many."""
        ...

    def forget(self, organization_id: str, project_id: str | None) -> int:
        """Removes the kept answers of a project's keys, or (None) those of all projects whose data retention is the
        organization's; how many. Retries are told that the call was answered."""
        ...

    def purge(self, now: int, limit: int) -> int:
        """Removes up to `limit` claims that have expired at `now`, earliest first; how many."""
        ...
