"""What was written to the audit log cannot be changed unseen by somebody who has the database: ten thousand ways to try."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keyhouse.domain.errors import KeyhouseError
from keyhouse.store.contract import Anchor, AuditKeys, Page, Seal, Store
from keyhouse.store.sqlite import CONTROL_FILE, open_sqlite
from tests.store.conftest import Reopen
from tests.store.makers import ORG, OTHER_ORG, furnish, make_event

KEYS = AuditKeys("aud_1", {"aud_1": b"k" * 32})
LONG, SHORT = 10_000, 300
BATCHES = (1, 3, 1, 12, 1, 1, 5, 1, 2, 1, 30, 1)


@dataclass
class Heads:
    """Every head that the store told."""

    seals: list[Seal] = field(default_factory=list)

    def __call__(self, seal: Seal) -> None:
        self.seals.append(seal)

    @property
    def anchors(self) -> list[Anchor]:
        return [Anchor(seal.number, seal.mac) for seal in self.seals]


def test_a_transaction_seals_what_it_appended(store: Store) -> None:
    heads = Heads()
    store.seal_audit(KEYS, heads)
    assert heads.seals == []
    fill(store)
    assert [seal.number for seal in heads.seals] == list(range(1, len(BATCHES) + 1))
    assert found(store, heads.anchors) == []
    with store.read() as tx:
        assert tx.audit.head() == heads.seals[-1]


def test_what_is_rolled_back_leaves_no_seal(store: Store) -> None:
    heads = Heads()
    store.seal_audit(KEYS, heads)
    fill(store)
    with pytest.raises(KeyhouseError):
        append_twice(store, 900)
    with store.write() as tx:
        tx.audit.append(make_event(901))
    assert len(heads.seals) == len(BATCHES) + 1
    assert found(store, heads.anchors) == []


def test_a_transaction_without_events_seals_nothing(store: Store) -> None:
    heads = Heads()
    store.seal_audit(KEYS, heads)
    with store.write() as tx:
        tx.settings.replace({"KEYHOUSE_PORT": ("pep_1", b"digest")})
    assert heads.seals == []
    assert found(store) == []


def test_what_was_there_before_seals_is_sealed_when_keys_come(store: Store, opener: Reopen) -> None:
    with store.write() as tx:
        for number in range(1, 1203):
            tx.audit.append(make_event(number))
    heads = Heads()
    upgraded = opener()
    upgraded.seal_audit(KEYS, heads)
    assert [seal.number for seal in heads.seals] == [2]
    with upgraded.write() as tx:
        tx.audit.append(make_event(2000))
    assert found(upgraded, heads.anchors) == []


def test_keys_are_rotated_and_old_seals_verify(store: Store, opener: Reopen) -> None:
    store.seal_audit(KEYS, Heads())
    fill(store)
    rotated = opener()
    heads = Heads()
    rotated.seal_audit(AuditKeys("aud_2", {**KEYS.by_id, "aud_2": b"n" * 32}), heads)
    with rotated.write() as tx:
        tx.audit.append(make_event(500))
    assert heads.seals[-1].key_id == "aud_2"
    assert found(rotated) == []
    without = opener()
    without.seal_audit(AuditKeys("aud_2", {"aud_2": b"n" * 32}), Heads())
    assert len(found(without)) == len(BATCHES)
    assert "aud_1" in found(without)[0]


def test_another_key_verifies_nothing(store: Store, opener: Reopen) -> None:
    store.seal_audit(KEYS, Heads())
    fill(store)
    forger = opener()
    forger.seal_audit(AuditKeys("aud_1", {"aud_1": b"x" * 32}), Heads())
    assert len(found(forger)) == 2 * len(BATCHES)


def test_a_copy_verifies_and_goes_on(store: Store, tmp_path: Path) -> None:
    heads = Heads()
    store.seal_audit(KEYS, heads)
    fill(store)
    store.backup(tmp_path / "copy")
    with closing(open_sqlite(tmp_path / "copy")) as copy:
        copy.seal_audit(KEYS, heads)
        assert found(copy, heads.anchors) == []
        with copy.write() as tx:
            tx.audit.append(make_event(700))
        assert found(copy, heads.anchors) == []
    assert heads.seals[-1].number == len(BATCHES) + 1


def test_without_keys_nothing_is_sealed_and_nothing_verified(store: Store) -> None:
    fill(store)
    with store.read() as tx:
        assert tx.audit.head() is None
        with pytest.raises(KeyhouseError, match="without the keys"):
            list(tx.audit.problems())


def test_a_repr_shows_no_key() -> None:
    assert "kkk" not in repr(KEYS)


# --- the proof -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attacked:
    """A house's database file as somebody has it who knows everything but the key."""

    house: Store
    file: Path
    anchors: list[Anchor]

    def run(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """All of them, or none where the database itself refuses one (a second event of one id)."""
        with closing(sqlite3.connect(self.file)) as connection, suppress(sqlite3.IntegrityError), connection:
            for sql, given in statements:
                connection.execute(sql, given)

    def dump(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        with closing(sqlite3.connect(self.file)) as connection:
            events = connection.execute("SELECT * FROM audit ORDER BY seq").fetchall()
            return events, connection.execute("SELECT * FROM audit_seals ORDER BY number").fetchall()

    def restore(self, dumped: tuple[list[tuple[object, ...]], list[tuple[object, ...]]]) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            for table, rows in zip(("audit", "audit_seals"), dumped, strict=True):
                connection.execute(f"DELETE FROM {table}")
                marks = ",".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("attacked")
    store = open_sqlite(folder)
    furnish(store)
    heads = Heads()
    store.seal_audit(KEYS, heads)
    fill(store)
    yield Attacked(store, folder / CONTROL_FILE, heads.anchors)
    store.close()


Columns = ("id", "at", "organization_id", "type", "actor_kind", "actor_user_id", "actor_key_id", "actor_address", "object_id",
           "project_id", "details", "actor_email", "actor_service_account_id")  # fmt: skip


def edit(attacked: Attacked, dice: random.Random, seqs: list[int]) -> None:
    """One value of one event: another text, another number, nothing, one byte of it."""
    seq, column = dice.choice(seqs), dice.choice(Columns)
    before = next(row for row in attacked.dump()[0] if row[0] == seq)
    value = before[1 + Columns.index(column)]
    text = "" if value is None else str(value)
    forms: list[object] = [
        f"{text}x",
        text.swapcase() + " ",
        text[:-1],
        dice.randbytes(4),
        7,
        "OTHER",
        json.dumps([text]),
    ]
    if value is not None and column in {"actor_user_id", "actor_email", "project_id"}:
        forms.append(None)
    wanted = dice.choice([form for form in forms if form not in {value, text} and str(form) != text] or ["y"])
    attacked.run((f"UPDATE audit SET {column} = ? WHERE seq = ?", (wanted, seq)))


def delete(attacked: Attacked, dice: random.Random, seqs: list[int]) -> None:
    """One event, or several, wherever they are, with or without a seal."""
    gone = dice.sample(seqs, dice.choice([1, 1, 2, 5]))
    attacked.run(*[("DELETE FROM audit WHERE seq = ?", (seq,)) for seq in gone])
    if dice.random() < 0.3:
        attacked.run(("DELETE FROM audit_seals WHERE last_seq >= ? AND first_seq <= ?", (gone[0], gone[0])))


def reorder(attacked: Attacked, dice: random.Random, seqs: list[int]) -> None:
    """Two events in each other's place; or an event in a hole that another left; or two seals in each other's place."""
    one, other = dice.sample(seqs, 2)
    table, by = dice.choice([("audit", "seq"), ("audit", "seq"), ("audit_seals", "number")])
    if table == "audit_seals":
        one, other = dice.sample(range(1, len(BATCHES) + 1), 2)
    swap = f"UPDATE {table} SET {by} = ? WHERE {by} = ?"
    attacked.run((swap, (-1, one)), (swap, (one, other)), (swap, (other, -1)))


def insert(attacked: Attacked, dice: random.Random, seqs: list[int]) -> None:
    """An event that never was: at the end, in the middle (the others move), or before the first."""
    at = dice.choice([max(seqs) + 1, dice.choice(seqs), min(seqs) - 1])
    copy = ", ".join(Columns[1:])
    attacked.run(
        ("UPDATE audit SET seq = -seq WHERE seq >= ?", (at,)),
        ("UPDATE audit SET seq = 1 - seq WHERE seq < -1", ()),
        (f"INSERT INTO audit (seq, id, {copy}) SELECT ?, 'audit_log-new', {copy} FROM audit LIMIT 1", (at,)),
    )


def truncate(attacked: Attacked, dice: random.Random, seqs: list[int]) -> None:
    """The newest events and their seals, as if they never were: only the anchor knows."""
    number = dice.randint(0, len(BATCHES) - 1)
    attacked.run(
        ("DELETE FROM audit WHERE seq >= (SELECT first_seq FROM audit_seals WHERE number = ?)", (number + 1,)),
        ("DELETE FROM audit_seals WHERE number > ?", (number,)),
    )


def reseal(attacked: Attacked, dice: random.Random, seqs: list[int]) -> None:
    """A seal with other figures, or with marks of another."""
    number, column = (
        dice.randint(1, len(BATCHES)),
        dice.choice(["first_seq", "last_seq", "sealed_at", "marks", "mac", "key_id"]),
    )
    value = {"marks": dice.randbytes(32), "mac": dice.randbytes(32), "key_id": "aud_9"}.get(
        column, dice.randint(-9, 90)
    )
    attacked.run((f"UPDATE audit_seals SET {column} = ? WHERE number = ? AND {column} != ?", (value, number, value)))


Attack = Callable[[Attacked, random.Random, list[int]], None]
ATTACKS: tuple[Attack, ...] = (edit, edit, delete, reorder, insert, truncate, reseal)


def test_every_edit_deletion_reorder_insertion_and_truncation_is_found(attacked: Attacked, long_form: bool) -> None:
    dice = random.Random(20_260_127)  # noqa: S311 - no secret
    whole = attacked.dump()
    seqs = [row[0] for row in whole[0] if isinstance(row[0], int)]
    assert found(attacked.house, attacked.anchors) == []
    for number in range(LONG if long_form else SHORT):
        attack = ATTACKS[number % len(ATTACKS)]
        attack(attacked, dice, seqs)
        if attacked.dump() == whole:  # a figure that was what it is: nothing was done
            continue
        assert found(attacked.house, attacked.anchors), f"{attack.__name__}, number {number}"
        attacked.restore(whole)
    assert found(attacked.house, attacked.anchors) == []


CHANGED = "UPDATE audit SET actor_address = '10.9.9.9' WHERE seq = 8"


@pytest.mark.parametrize(
    ("damage", "sentences"),
    [
        (CHANGED, ["Event 'audit_log-org-house-8' (number 8) is not what seal 4"]),
        (
            "DELETE FROM audit WHERE seq = 8",
            ["Of the 12 events of seal 4 1 are missing, the first behind event 'audit"],
        ),
        ("DELETE FROM audit_seals WHERE number = 4", ["Seal 4 is missing: seal 5", "Event 'audit_log-org-other-6'"]),
        ("DELETE FROM audit_seals WHERE number = 12", ["Event 'audit_log-org-house-59' (number 59) at the end of"]),
        (
            "UPDATE audit_seals SET sealed_at = 5 WHERE number = 2",
            ["Seal 2 is not what it was: it was changed, or the"],
        ),
    ],
)
def test_what_is_damaged_is_named(attacked: Attacked, damage: str, sentences: list[str]) -> None:
    whole = attacked.dump()
    attacked.run((damage, ()))
    told = found(attacked.house)
    attacked.restore(whole)
    for sentence, said in zip(sentences, told, strict=False):
        assert said.startswith(sentence)
    assert len(told) >= len(sentences)


def test_a_cut_tail_is_known_to_the_anchor_alone(attacked: Attacked) -> None:
    whole = attacked.dump()
    attacked.run(("DELETE FROM audit WHERE seq > 5", ()), ("DELETE FROM audit_seals WHERE number > 3", ()))
    alone, anchored = found(attacked.house), found(attacked.house, attacked.anchors)
    attacked.restore(whole)
    assert alone == []
    assert anchored == ["The log ends at seal 3, and seal 12 was anchored: the tail was cut, or this is an older copy."]


def test_a_chain_that_was_written_anew_is_known_by_its_anchor(attacked: Attacked, tmp_path: Path) -> None:
    other = open_sqlite(tmp_path)
    furnish(other)
    other.seal_audit(KEYS, Heads())
    for number in range(len(BATCHES)):
        with other.write() as tx:
            tx.audit.append(make_event(5000 + number))
    assert found(other) == []
    assert len(found(other, attacked.anchors)) == len(BATCHES)
    other.close()


def fill(store: Store) -> None:
    """Events of both organizations, in batches of several sizes."""
    number = 0
    for size in BATCHES:
        with store.write() as tx:
            for _ in range(size):
                number += 1
                tx.audit.append(make_event(number, ORG if number % 3 else OTHER_ORG, at=1000 + number // 4))
    with store.read() as tx:
        assert tx.audit.list(ORG, Page(limit=1000)).items


def append_twice(store: Store, number: int) -> None:
    """Fails, because an event's id is its own."""
    with store.write() as tx:
        tx.audit.append(make_event(number))
        tx.audit.append(make_event(number))


def found(store: Store, anchors: list[Anchor] | None = None) -> list[str]:
    with store.read() as tx:
        return list(tx.audit.problems(anchors or []))
