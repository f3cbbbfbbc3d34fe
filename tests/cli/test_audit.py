"""`keyhouse audit` at a terminal: filters, export, anchors and the look for damage."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from keyhouse.store.sqlite import CONTROL_FILE
from tests.cli.terminal import Terminal


def damage(terminal: Terminal, statement: str) -> None:
    with closing(sqlite3.connect(terminal.house.folder / CONTROL_FILE)) as connection, connection:
        connection.execute(statement)


def test_events_are_listed_by_every_filter(terminal: Terminal) -> None:
    made = terminal.ok("projects", "create", "Search", "--json").json

    def types(*options: str) -> list[str]:
        return [event["type"] for event in terminal.ok("audit", "list", "--json", *options).json]

    assert types("--project", "Search") == ["project.created"]
    assert types("--object", made["id"], "--since", "1h") == ["project.created"]
    assert types("--event", "user.added", "--actor", "operator") == ["user.added"]
    assert types("--until", "1h") == []
    assert types("--email", "nobody@example.com") == []


@pytest.mark.parametrize("command", ["list", "export"])
def test_what_does_not_exist_is_refused(terminal: Terminal, command: str) -> None:
    assert "not a type of audit events" in terminal.refused("audit", command, "--event", "nothing.happened")
    assert "No project" in terminal.refused("audit", command, "--project", "nowhere")
    assert "'--since' must be" in terminal.refused("audit", command, "--since", "yesterday")


def test_export_writes_a_line_for_each_event_oldest_first(terminal: Terminal) -> None:
    lines = [json.loads(line) for line in terminal.ok("audit", "export", "--jsonl").out.splitlines()]
    assert lines == list(reversed(terminal.ok("audit", "list", "--json").json))
    only = terminal.ok("audit", "export", "--event", "user.added", "--since", "1h").out.splitlines()
    assert [json.loads(line)["type"] for line in only] == ["user.added"]


def test_a_whole_log_is_told_whole(terminal: Terminal, tmp_path: Path) -> None:
    anchor = tmp_path / "anchors"
    terminal.ok("audit", "anchor", "--file", str(anchor))
    terminal.ok("projects", "create", "Search")
    terminal.ok("audit", "anchor", "--file", str(anchor))
    assert anchor.read_text().splitlines()[1] == terminal.ok("audit", "anchor").out.strip()
    verified = terminal.ok("audit", "verify", "--anchor", str(anchor))
    assert verified.out == ""
    assert "is whole: seal 2" in verified.err
    assert terminal.ok("audit", "verify", "--json").json == {"ok": True, "seal": 2, "problems": [], "more_problems": 0}


def test_a_changed_event_is_named_with_its_seal(terminal: Terminal) -> None:
    terminal.ok("projects", "create", "Search")
    newest = terminal.ok("audit", "list", "--limit", "1", "--json").json[0]["id"]
    damage(terminal, "UPDATE audit SET actor_kind = 'session' WHERE seq = (SELECT max(seq) FROM audit)")
    told = terminal.type("audit", "verify")
    assert told.code == 1
    assert told.out == f"Event '{newest}' (number 6) is not what seal 2 sealed: it was changed or moved.\n"
    doctor = terminal.type("doctor", "--json")
    audit = next(check for check in doctor.json["checks"] if check["name"] == "audit")
    assert (doctor.code, audit["problems"]) == (1, [told.out.strip()])


def test_a_cut_tail_is_found_against_the_anchor(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok("projects", "create", "Search")
    anchor = tmp_path / "anchors"
    terminal.ok("audit", "anchor", "--file", str(anchor))
    damage(terminal, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    damage(terminal, "DELETE FROM audit_seals WHERE number = 2")
    assert terminal.type("audit", "verify").code == 0
    told = terminal.type("audit", "verify", "--anchor", str(anchor))
    assert (told.code, told.out.startswith("The log ends at seal 1, and seal 2 was anchored")) == (1, True)


def test_a_log_that_is_gone_is_found_against_the_anchor(terminal: Terminal, tmp_path: Path) -> None:
    anchor = tmp_path / "anchors"
    terminal.ok("audit", "anchor", "--file", str(anchor))
    damage(terminal, "DELETE FROM audit")
    damage(terminal, "DELETE FROM audit_seals")
    told = terminal.type("audit", "verify", "--anchor", str(anchor))
    assert (told.code, told.out.startswith("The log ends at seal 0, and seal 1 was anchored")) == (1, True)
    assert "no seal yet" in terminal.refused("audit", "anchor")


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        "{}",
        '{"object":"audit.anchor","seal":1,"sealed_at":1,"mac":"zz"}',
        '{"object":"audit.anchor","seal":1,"sealed_at":1,"mac":"00"}',
        '{"object":"audit.anchor","seal":"1","sealed_at":1,"mac":""}',
    ],
)
def test_a_file_that_holds_no_anchors_is_refused(terminal: Terminal, tmp_path: Path, content: str) -> None:
    (tmp_path / "anchors").write_text(content)
    assert "Line 1 of the file is not an anchor" in terminal.refused(
        "audit", "verify", "--anchor", str(tmp_path / "anchors")
    )


def test_files_that_are_not_there_are_refused(terminal: Terminal, tmp_path: Path) -> None:
    assert "cannot be read" in terminal.refused("audit", "verify", "--anchor", str(tmp_path / "none"))
    assert "cannot be written" in terminal.refused("audit", "anchor", "--file", str(tmp_path))
