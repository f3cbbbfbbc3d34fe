"""The program around the commands: help at once, exit codes, `--data`, and the border at which faults end."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from keyhouse.cli.main import ENTRIES
from keyhouse.domain.errors import KeyhouseError
from tests.cli.terminal import Terminal

HELP = """
import sys
from keyhouse.cli.house import Doors
from keyhouse.cli.main import build
nothing = lambda *_: None
try:
    build(Doors(*[nothing] * 5, {}))(["--help"])
finally:
    print(sorted(name for name in sys.modules if name.startswith(("keyhouse.", "rich", "msgspec", "sqlalchemy"))))
"""


def test_help_names_every_command_and_imports_none_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text, _, modules = done.stdout.rpartition("\n[")
    for name, entry in ENTRIES.items():
        assert f"\n  {name} " in text
        assert entry.help.split()[0] in text
    imported = {"keyhouse.cli", "keyhouse.cli.house", "keyhouse.cli.lazy", "keyhouse.cli.main"}
    assert {name.strip(" '\n]") for name in modules.split(",")} == imported | {
        "keyhouse.domain",
        "keyhouse.domain.base62",
        "keyhouse.domain.errors",
        "keyhouse.domain.keyformat",
    }


@pytest.mark.parametrize("name", list(ENTRIES))
def test_every_command_explains_itself_and_takes_data(terminal: Terminal, name: str) -> None:
    printed = terminal.ok(name, "--help")
    assert "--data" in printed.out
    assert f"Usage: keyhouse {name}" in printed.out


@pytest.mark.parametrize(
    "words",
    [
        ["--nothing"], ["nothing"], ["keys", "nothing"], ["keys", "create"], ["keys", "list", "--limit", "0"],
        ["prices", "set", "m", "--input", "1"], ["up", "--port", "x"], ["keys", "create", "a", "--secret", "x"],
        ["upstreams", "add", "x", "--base-url", "http://x", "--key", "sk-in-argv"],
    ],
)  # fmt: skip
def test_wrong_command_line_is_2(terminal: Terminal, words: list[str]) -> None:
    printed = terminal.type(*words)
    assert (printed.code, printed.out) == (2, "")
    assert "Usage: keyhouse" in printed.err


def test_data_may_stand_anywhere_and_the_last_counts(terminal: Terminal) -> None:
    for words in (
        ["--data", "/a", "keys", "list"],
        ["keys", "--data", "/a", "list"],
        ["keys", "list", "--data", "/a"],
        ["--data", "/b", "keys", "list", "--data", "/a"],
        ["--data", "/a", "usage"],
        ["costs", "--data", "/a"],
    ):
        terminal.ok(*words)
        assert terminal.opened[-1] == {"data": Path("/a")}
    terminal.ok("keys", "list")
    assert terminal.opened[-1] == {"data": None}


def test_known_trouble_is_one_sentence(terminal: Terminal) -> None:
    terminal.broken = ConnectionError("The database is away.")
    assert terminal.refused("keys", "list") == "The database is away."


def test_fault_is_logged_and_told_without_its_details(terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    terminal.broken = ZeroDivisionError("sk-kh_private")
    printed = terminal.type("keys", "list")
    assert printed.code == 1
    assert "keyhouse: this is a fault of Keyhouse (ZeroDivisionError); the log has the details." in printed.err
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("keyhouse.cli", logging.ERROR)
    assert record.exc_info is not None


def test_init_prints_the_first_facts_as_json(terminal: Terminal, tmp_path: Path) -> None:
    printed = terminal.ok("init", "--json", "--data", str(tmp_path / "new"))
    assert list(printed.json) == [
        "organization_id", "project_id", "admin_key", "api_key", "owner_email", "owner_password",
    ]  # fmt: skip
    assert printed.err == ""
    assert "holds a house already" in terminal.refused("init", "--json", "--data", str(tmp_path / "new"))


def test_init_prints_the_first_facts_for_a_person(terminal: Terminal, tmp_path: Path) -> None:
    printed = terminal.ok("init", "--data", str(tmp_path / "new"))
    assert "admin key        sk-khadm_" in printed.out
    assert "owner email      owner@localhost" in printed.out
    assert "shown once" in printed.err


def test_up_hands_its_options_on_and_ends_with_the_servers_code(terminal: Terminal) -> None:
    printed = terminal.type("up", "--host", "0.0.0.0", "--port", "0", "--no-local-model", "--data", "/a")
    assert printed.code == 3
    assert terminal.served == [
        {"data": Path("/a"), "host": "0.0.0.0", "port": 0, "workers": None, "local_model": "off"}
    ]
    terminal.type("up")
    assert terminal.served[-1] == dict.fromkeys(["data", "host", "port", "workers", "local_model"])


def test_refusals_carry_no_traceback(terminal: Terminal) -> None:
    assert issubclass(KeyhouseError, Exception)
    assert "Traceback" not in terminal.refused("keys", "show", "nothing")
