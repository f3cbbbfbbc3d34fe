from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.ledger.intents import SLOT_BYTES, Intents
from tests.ledger.makers import make_intent, no_file_may_outgrow

HOLD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from keyhouse.ledger.intents import Intents
from tests.ledger.makers import make_intent, no_file_may_outgrow
intents = Intents(Path(sys.argv[1]), slots=8)
intents.end(intents.begin(make_intent("req_ended")))
intents.relayed(intents.begin(make_intent("req_cut")), 7, 300)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "intents"


def ids_left(path: Path) -> list[str]:
    intents = Intents(path)
    found = sorted(left.intent.request_id for left in intents.left_over())
    intents.close()
    return found


def test_an_intent_survives_kill_9_with_what_was_relayed(path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(path)], cwd=os.getcwd(), check=False)
    assert child.returncode == -signal.SIGKILL
    intents = Intents(path)
    [left] = intents.left_over()
    assert left.intent == make_intent("req_cut")
    assert (left.events, left.content_bytes) == (7, 300)
    intents.close()


def test_an_ended_intent_is_not_left_over(path: Path) -> None:
    intents = Intents(path)
    kept, ended = intents.begin(make_intent("req_kept")), intents.begin(make_intent("req_ended"))
    assert kept != ended
    intents.end(ended)
    intents.end(ended)
    intents.close()
    assert ids_left(path) == ["req_kept"]


def test_progress_of_an_earlier_call_does_not_show_in_the_slots_next_one(path: Path) -> None:
    intents = Intents(path, slots=1)
    slot = intents.begin(make_intent("req_1"))
    intents.relayed(slot, 5, 50)
    intents.end(slot)
    assert intents.begin(make_intent("req_2")) == slot
    intents.close()
    intents = Intents(path)
    assert [(left.events, left.content_bytes) for left in intents.left_over()] == [(0, 0)]
    intents.close()


def test_the_file_grows_when_all_slots_are_taken(path: Path) -> None:
    intents = Intents(path, slots=3)
    slots = [intents.begin(make_intent(f"req_{n:03}")) for n in range(100)]
    assert len(set(slots)) == 100
    intents.relayed(slots[0], 1, 2)
    intents.end(slots[99])
    intents.close()
    assert ids_left(path) == [f"req_{n:03}" for n in range(99)]


def test_left_over_slots_are_not_given_away_until_they_are_ended(path: Path) -> None:
    intents = Intents(path, slots=4)
    for n in range(3):
        intents.begin(make_intent(f"req_old_{n}"))
    intents.close()
    intents = Intents(path, slots=4)
    intents.begin(make_intent("req_new_0"))
    intents.begin(make_intent("req_new_1"))
    assert [left.intent.request_id for left in intents.left_over()] == ["req_old_0", "req_old_1", "req_old_2"]
    for left in intents.left_over():
        intents.end(left.slot)
    intents.begin(make_intent("req_new_2"))
    assert intents.left_over() == []
    intents.close()
    assert ids_left(path) == ["req_new_0", "req_new_1", "req_new_2"]


@given(cut=st.integers(min_value=25, max_value=200), garbage=st.binary(min_size=1, max_size=64))
def test_a_torn_slot_is_dropped_and_counted(tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bytes) -> None:
    path = tmp_path_factory.mktemp("torn") / "intents"
    intents = Intents(path, slots=4)
    slot = intents.begin(make_intent("req_torn"))
    intents.begin(make_intent("req_whole"))
    intents.close()
    with path.open("r+b") as file:
        file.seek(slot * SLOT_BYTES + cut)
        before = file.read(len(garbage))
        file.seek(slot * SLOT_BYTES + cut)
        file.write(garbage)
    reopened = Intents(path)
    found = {left.intent.request_id for left in reopened.left_over()}
    payload_end = 24 + int.from_bytes(path.read_bytes()[slot * SLOT_BYTES + 2 :][:2], "little")
    within = max(payload_end - cut, 0)
    unharmed = before[:within] == garbage[:within]
    assert found == ({"req_torn", "req_whole"} if unharmed else {"req_whole"})
    assert reopened.torn == (0 if unharmed else 1)
    reopened.close()
    assert len(ids_left(path)) == len(found)


@pytest.mark.parametrize("keep", [0, 1, 10, 16, 512, 1024, 1500, 3000])
def test_a_file_that_a_power_cut_left_short_is_usable(path: Path, keep: int) -> None:
    intents = Intents(path, slots=8)
    intents.begin(make_intent("req_1"))
    intents.close()
    os.truncate(path, keep)
    intents = Intents(path, slots=8)
    for n in range(20):
        intents.begin(make_intent(f"req_again_{n}"))
    intents.close()
    assert len([request_id for request_id in ids_left(path) if "again" in request_id]) == 20


@given(
    model=st.text(st.characters(exclude_categories=["Cs"]), max_size=3000),
    client_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=3000),
)
def test_texts_of_any_length_are_shortened_and_never_fail_the_call(
    tmp_path_factory: pytest.TempPathFactory, model: str, client_id: str
) -> None:
    path = tmp_path_factory.mktemp("long") / "intents"
    intents = Intents(path, slots=1)
    asked = make_intent("req_long", model=model)._replace(client_request_id=client_id)
    intents.begin(asked)
    intents.close()
    intents = Intents(path)
    [left] = intents.left_over()
    assert left.intent._replace(client_request_id=None, model_asked=None) == asked._replace(
        client_request_id=None, model_asked=None
    )
    assert left.intent.client_request_id in (client_id, None)
    assert model.startswith(left.intent.model_asked or "")
    intents.close()


def test_a_second_gateway_on_the_same_data_is_refused_with_a_sentence(path: Path) -> None:
    first = Intents(path)
    with pytest.raises(KeyhouseError, match="Another Keyhouse gateway is running on"):
        Intents(path)
    first.close()
    Intents(path).close()


def test_a_file_of_another_layout_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"KHINTENT" + (2).to_bytes(4, "little") + (1024).to_bytes(4, "little"))
    before = path.read_bytes()
    with pytest.raises(KeyhouseError, match="not written by this version"):
        Intents(path)
    assert path.read_bytes() == before


def test_a_disk_without_room_refuses_the_call_and_serves_the_next(path: Path) -> None:
    intents = Intents(path, slots=4)
    slots = [intents.begin(make_intent(f"req_{n}")) for n in range(4)]
    with no_file_may_outgrow(path.stat().st_size):
        with pytest.raises(KeyhouseError) as refused:
            intents.begin(make_intent("req_no_room"))
        assert refused.value.code is ErrorCode.LEDGER_UNAVAILABLE
        intents.end(slots[0])
        intents.begin(make_intent("req_room_again"))
    intents.close()
    assert ids_left(path) == ["req_1", "req_2", "req_3", "req_room_again"]
