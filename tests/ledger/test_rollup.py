"""Rollups hold what the ledger holds: no more, no less, whoever adds them up and whenever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from keyhouse.domain.keys import Key, KeyKind
from keyhouse.domain.people import Member, OrganizationRole, Person
from keyhouse.domain.projects import Organization, Project
from keyhouse.domain.usage import Outcome, Pricing, UsageRow
from keyhouse.ledger import reports
from keyhouse.ledger.rollup import LONGEST_PAUSE_SECONDS, Rollup, Sums, add, catch_up, fold
from keyhouse.store.contract import LedgerRow, RollupFilter, RollupSums, Store, Transaction, Width
from tests.fixtures.fresh import fresh_sqlite, fresh_store
from tests.ledger.rollup_rows import DAY, ORGANIZATION, T0, usage_row

ROWS = st.builds(
    usage_row,
    at_us=st.integers(T0 * 1_000_000, (T0 + 3 * DAY) * 1_000_000),
    user_id=st.sampled_from(["user-alice", "user-bob", None]),
    key_id=st.sampled_from(["key_a", "key_b"]),
    model=st.sampled_from(["m-small", "m-large", None]),
    outcome=st.sampled_from(Outcome),
    input_tokens=st.integers(0, 10**6),
    output_tokens=st.integers(0, 10**6),
    cost_nanos=st.one_of(st.none(), st.integers(0, 10**12)),
)
EVERYTHING = RollupFilter(ORGANIZATION, 0, T0 * 2)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    opened = fresh_store(tmp_path / "house", url)
    yield opened
    opened.close()


def totals(store: Store, width: Width) -> RollupSums:
    with store.read() as tx:
        found = [sums for _, sums in tx.rollups.sum(width, EVERYTHING, ())]
    return total(found)


def total(sums: Sequence[RollupSums]) -> RollupSums:
    out = RollupSums(*[0] * len(RollupSums._fields))
    for value in sums:
        out = add(out, value)
    return out


def merged(a: Sums, b: Sums) -> Sums:
    return {key: total([s[key] for s in (a, b) if key in s]) for key in {*a, *b}}


# --- folding ---------------------------------------------------------------------------------------------------------


@given(st.lists(ROWS, max_size=40), st.data())
def test_any_split_into_batches_folds_to_the_same(rows: list[UsageRow], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    whole, first, second = fold(rows), fold(rows[:cut]), fold(rows[cut:])
    assert merged(first.minutes, second.minutes) == whole.minutes
    keys = {*first.last_used, *second.last_used}
    assert whole.last_used == {k: max(first.last_used.get(k, 0), second.last_used.get(k, 0)) for k in keys}


@given(st.lists(ROWS, max_size=40))
def test_sums_of_rollups_are_sums_of_rows(rows: list[UsageRow]) -> None:
    minutes = fold(rows).minutes
    found = total(list(minutes.values()))
    assert found.requests == len(rows)
    assert found.input_tokens == sum(row.input_tokens for row in rows)
    assert found.output_tokens == sum(row.output_tokens for row in rows)
    assert found.cost_input_nanos + found.cost_cached_nanos + found.cost_output_nanos == sum(
        row.cost_nanos or 0 for row in rows
    )
    assert found.unpriced_requests == sum(row.pricing == Pricing.UNPRICED.value for row in rows)
    assert all(key.bucket % 60 == 0 for key in minutes)


@pytest.mark.parametrize("width", Width)
def test_a_call_belongs_to_the_period_of_its_admission(store: Store, width: Width) -> None:
    last_before, first_after = T0 * 1_000_000 - 1, T0 * 1_000_000
    store.ledger.append([usage_row(at_us=last_before), usage_row(at_us=first_after)])
    catch_up(store)
    with store.read() as tx:
        assert [key.bucket for key, _ in tx.rollups.sum(width, EVERYTHING, ())] == [T0 - width.value, T0]


def test_thousands_of_sums_share_their_texts() -> None:
    told = [f"{name}-{{}}" for name in ("org", "proj", "user", "model", "operation", "tier")]

    def row(n: int) -> UsageRow:
        # Texts as a ledger brings them: equal, and each an object of its own.
        organization, project, user, model, operation, tier = (text.format("x") for text in told)
        return usage_row(
            organization_id=organization, project_id=project, user_id=user, model=model, operation=operation,
            service_tier=tier, key_id=f"key_{n}",
        )  # fmt: skip

    keys = list(fold(row(n) for n in range(50)).minutes)
    texts = {id(text) for key in keys for text in key[1:]}
    assert len(texts) == len({text for key in keys for text in key[1:]})


def test_a_rollup_says_who_used_what_and_how_it_ended() -> None:
    row = usage_row(
        user_id=None, service_account_id="svc_acct_robo", model=None, model_asked="asked", outcome=Outcome.ABORTED
    )
    (key,) = fold([row]).minutes
    assert (key.user_id, key.service_account_id, key.model, key.outcome) == ("", "svc_acct_robo", "asked", "aborted")
    (key,) = fold([usage_row(model="answered", model_asked="asked")]).minutes
    assert key.model == "answered"


# --- catching up -----------------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(ROWS, min_size=1, max_size=60), st.integers(1, 20))
def test_catching_up_in_batches_of_any_size_counts_each_row_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[UsageRow], batch: int
) -> None:
    store = fresh_sqlite(tmp_path_factory.mktemp("house"))
    try:
        store.ledger.append(rows)
        assert catch_up(store, batch) == len(rows)
        assert catch_up(store, batch) == 0
        expected = total(list(fold(rows).minutes.values()))
        assert [totals(store, width) for width in Width] == [expected] * 3
    finally:
        store.close()


def test_several_at_once_count_nothing_twice(store: Store) -> None:
    store.ledger.append([usage_row() for _ in range(300)])
    threads = [threading.Thread(target=catch_up, args=(store, 7)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals(store, Width.HOUR).requests == 300


class OvertakenLedger:
    """A ledger whose reader is overtaken: another process rolls up, and more rows are committed, before its first read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._overtaken = False

    def since(self, seq: int, limit: int = 10_000) -> Sequence[LedgerRow]:
        if not self._overtaken:
            self._overtaken = True
            catch_up(self._store)
            self._store.ledger.append([usage_row() for _ in range(7)])
        return self._store.ledger.since(seq, limit)


class OvertakenStore:
    """The store of a process that another overtakes."""

    def __init__(self, store: Store) -> None:
        self.ledger = OvertakenLedger(store)
        self.read, self.write = store.read, store.write


def test_who_is_overtaken_counts_nothing_that_the_other_has_counted(store: Store) -> None:
    store.ledger.append([usage_row() for _ in range(3)])
    overtaken: Store = OvertakenStore(store)  # type: ignore[assignment]  # all of the contract that catching up uses
    assert catch_up(overtaken) == 7
    assert totals(store, Width.HOUR).requests == 10


def test_a_row_written_late_counts_in_its_own_day(store: Store) -> None:
    store.ledger.append([usage_row(at_us=(T0 + DAY) * 1_000_000)])
    catch_up(store)
    store.ledger.append([usage_row(at_us=T0 * 1_000_000)])
    catch_up(store)
    with store.read() as tx:
        days = [(key.bucket, sums.requests) for key, sums in tx.rollups.sum(Width.DAY, EVERYTHING, ())]
    assert days == [(T0, 1), (T0 + DAY, 1)]


def last_used(store: Store) -> int | None:
    with store.read() as tx:
        key = tx.keys.get(ORGANIZATION, "key_a")
    assert key is not None
    return key.last_used_at


def with_key(store: Store) -> None:
    with store.write() as tx:
        tx.organizations.add(Organization(ORGANIZATION, "House", T0))
        tx.people.add(
            Person("user-alice", "alice@example.com", "Alice", T0),
            Member(ORGANIZATION, "user-alice", OrganizationRole.OWNER, T0),
        )
        tx.projects.add(Project("proj_default", ORGANIZATION, "Default project", T0, is_default=True))
        tx.keys.add(Key("key_a", KeyKind.USER, ORGANIZATION, "proj_default", "user-alice", None, "job", T0))


def test_a_key_was_last_used_at_its_latest_call(store: Store) -> None:
    with_key(store)
    assert last_used(store) is None
    store.ledger.append([usage_row(at=T0 + 50), usage_row(at=T0 + 90), usage_row(at=T0 + 70)])
    catch_up(store)
    assert last_used(store) == T0 + 90
    store.ledger.append([usage_row(at=T0 + 80)])
    catch_up(store)
    assert last_used(store) == T0 + 90


class CutError(Exception):
    """The process died here."""


class CutStore:
    """A store whose next writing transactions are cut just before their commit."""

    def __init__(self, store: Store, cuts: int) -> None:
        self._store = store
        self.ledger = store.ledger
        self.cuts = cuts

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield tx
            if self.cuts:
                self.cuts -= 1
                raise CutError

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_what_a_crash_cut_is_counted_once_after_it(store: Store) -> None:
    with_key(store)
    store.ledger.append([usage_row() for _ in range(10)])
    cut: Store = CutStore(store, cuts=1)  # type: ignore[assignment]  # the rest of the contract is passed on by __getattr__
    with pytest.raises(CutError):
        catch_up(cut)
    assert (totals(store, Width.DAY).requests, last_used(store)) == (0, None)
    assert catch_up(cut) == 10
    assert (totals(store, Width.DAY).requests, last_used(store)) == (10, T0)


# --- in the background -----------------------------------------------------------------------------------------------


def until(holds: Callable[[], bool], seconds: float = LONGEST_PAUSE_SECONDS + 5) -> float:
    """How long it took until this held, in seconds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it never came to hold"
        time.sleep(0.005)
    return time.monotonic() - began


def test_rows_found_at_the_start_are_caught_up(store: Store) -> None:
    store.ledger.append([usage_row()])
    rollup = Rollup(store, poll_seconds=60)
    rollup.start()
    until(lambda: totals(store, Width.DAY).requests == 1)
    rollup.close()


def test_a_report_has_every_committed_row_however_long_the_rollup_pauses(store: Store) -> None:
    rollup = Rollup(store, poll_seconds=60, linger_seconds=60)
    rollup.start()
    for count in range(1, 4):
        store.ledger.append([usage_row()])
        reports.refresh(store)
        assert totals(store, Width.MINUTE).requests == count
    rollup.close()


@pytest.mark.parametrize(("woken", "poll"), [(True, 60.0), (False, 0.4)])
def test_rows_are_rolled_up_when_nobody_asks(store: Store, woken: bool, poll: float) -> None:
    rollup = Rollup(store, poll_seconds=poll)
    rollup.start()
    for count in range(1, 4):
        store.ledger.append([usage_row()])
        if woken:
            rollup.wake()
        until(lambda: totals(store, Width.MINUTE).requests == count)  # noqa: B023 - asked before it changes
    rollup.close()


def test_closing_rolls_up_what_is_left(store: Store) -> None:
    rollup = Rollup(store, poll_seconds=60, linger_seconds=60)
    store.ledger.append([usage_row()])
    rollup.start()
    until(lambda: totals(store, Width.DAY).requests == 1)
    store.ledger.append([usage_row()])
    rollup.close()
    assert totals(store, Width.DAY).requests == 2


def test_a_failing_store_is_tried_again(store: Store) -> None:
    store.ledger.append([usage_row()])
    failing = CutStore(store, cuts=3)
    rollup = Rollup(failing, linger_seconds=0.01, poll_seconds=0.01)  # type: ignore[arg-type]  # as above
    rollup.start()
    until(lambda: totals(store, Width.DAY).requests == 1)
    until(lambda: rollup.failures == 0)
    rollup.close()
    assert failing.cuts == 0
