"""`keyhouse projects`, `service-accounts`, `upstreams`, `prices`, `audit`, `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.control.houses import NOW

URL = "https://models.example/v1"
KEY = "sk-upstream-0123456789abcdef"
PASSPHRASE = "correct horse battery"


def test_projects_are_created_renamed_listed_and_archived(terminal: Terminal) -> None:
    made = terminal.ok("projects", "create", "Search", "--json").json
    assert (made["object"], made["name"], made["status"]) == ("organization.project", "Search", "active")
    assert terminal.ok("projects", "rename", "Search", "Find", "--json").json["name"] == "Find"
    assert "Find" in terminal.ok("projects", "list").out
    assert terminal.ok("projects", "show", "Find", "--json").json["id"] == made["id"]
    assert terminal.ok("projects", "archive", "Find", "--json").json["archived_at"] == NOW
    assert [item["name"] for item in terminal.ok("projects", "list", "--json").json] == ["Default project"]
    assert len(terminal.ok("projects", "list", "--archived", "--json").json) == 2
    assert "is archived" in terminal.refused("keys", "create", "a", "--project", "Find")
    assert "cannot be archived" in terminal.refused("projects", "archive", "Default project")


def test_projects_are_given_a_residency_and_an_external_key(terminal: Terminal) -> None:
    given = ("--residency", "EU_STORAGE_PROCESSING", "--external-key-id", "kms-1")
    made = terminal.ok("projects", "create", "Search", *given, "--json").json
    assert (made["residency"], made["external_key_id"]) == ("EU_STORAGE_PROCESSING", "kms-1")
    assert "EU_STORAGE_PROCESSING" in terminal.ok("projects", "show", "Search").out
    assert "kms-1" in terminal.ok("projects", "list").out
    changed = terminal.ok(
        "projects", "update", "Search", "--residency", "GLOBAL", "--no-external-key-id", "--json"
    ).json
    assert (changed["residency"], changed["external_key_id"]) == ("GLOBAL", None)
    assert "residency" not in terminal.ok("projects", "update", "Search", "--no-residency", "--json").json
    assert "must be one of GLOBAL" in terminal.refused("projects", "update", "Search", "--residency", "Mars")
    both = terminal.refused("projects", "update", "Search", "--residency", "GLOBAL", "--no-residency")
    assert "exclude each other" in both


def test_service_accounts_are_created_listed_and_deleted(terminal: Terminal) -> None:
    value = terminal.ok("service-accounts", "create", "robo").out.strip()
    assert value.startswith("sk-khsvc_")
    bare = terminal.ok("service-accounts", "create", "bare", "--without-key")
    assert bare.out == ""
    full = terminal.ok("service-accounts", "create", "full", "--json").json
    assert full["api_key"]["value"].startswith("sk-khsvc_")
    assert len(terminal.ok("service-accounts", "list", "--json").json) == 3
    renamed = terminal.ok("service-accounts", "rename", "bare", "plain", "--json").json
    assert terminal.ok("service-accounts", "show", "plain", "--json").json == renamed
    assert renamed["role"] == "none"
    assert "robo" in terminal.ok("service-accounts", "list").out
    boss = terminal.ok("service-accounts", "update", "plain", "--role", "owner", "--name", "boss", "--json").json
    assert (boss["name"], boss["role"]) == ("boss", "owner")
    assert "owner" in terminal.ok("service-accounts", "show", "boss").out
    other = terminal.ok("service-accounts", "create", "other", "--role", "owner", "--without-key", "--json").json
    assert (other["role"], other["api_key"]) == ("owner", None)
    assert "must be one of: owner, member" in terminal.refused("service-accounts", "update", "boss", "--role", "none")
    assert "Give something to change" in terminal.refused("service-accounts", "update", "boss")
    terminal.ok("service-accounts", "delete", "robo")
    assert not terminal.house.accepts(value)
    assert terminal.ok("service-accounts", "delete", full["id"], "--json").json["deleted"] is True
    assert "No service account" in terminal.refused("service-accounts", "delete", "robo")


@pytest.mark.parametrize("source", ["--key-stdin", "--key-env"])
def test_upstreams_take_their_key_from_stdin_or_the_environment(terminal: Terminal, source: str) -> None:
    terminal.house.upstream_models[URL] = ["m1", "m2"]
    terminal.environ["MODELS_KEY"] = KEY
    words = ["upstreams", "add", "main", "--base-url", URL, source]
    printed = terminal.ok(*words, stdin=KEY + "\n") if source == "--key-stdin" else terminal.ok(*words, "MODELS_KEY")
    assert terminal.house.asked == [(URL, KEY, None)]
    assert "m1, m2" in printed.out
    assert "…cdef" in printed.out
    assert all(KEY not in text for text in terminal.seen)


def test_upstreams_are_listed_tested_and_removed(terminal: Terminal) -> None:
    printed = terminal.ok("upstreams", "add", "main", "--base-url", URL, "--models", "gpt-*,o3", "--json")
    assert "does not list its models now: No connection" in printed.err
    assert printed.json[0]["models"] == ["gpt-*", "o3"]
    assert "No connection" in terminal.refused("upstreams", "test", "main")
    terminal.house.upstream_models[URL] = ["m1"]
    assert "answers and lists 1 model." in terminal.ok("upstreams", "test", "main").err
    assert terminal.ok("upstreams", "test", "main", "--json").json["listed_models"] == ["m1"]
    assert terminal.ok("upstreams", "list", "--json").json[0]["redacted_key"] is None
    assert "gpt-*, o3" in terminal.ok("upstreams", "list").out
    terminal.ok("upstreams", "remove", "main")
    assert "No upstream with id 'main' was found" in terminal.refused("upstreams", "remove", "main")


def test_upstreams_are_shown_and_changed_by_name_or_id(terminal: Terminal) -> None:
    terminal.environ["MODELS_KEY"] = KEY
    words = ("--base-url", URL, "--models", "m", "--key-env", "MODELS_KEY", "--json")
    made = terminal.ok("upstreams", "add", "main", *words).json[0]
    assert terminal.ok("upstreams", "show", made["id"], "--json").json == made
    assert "…cdef" in terminal.ok("upstreams", "show", "main").out
    project = ("--project", "Default project")
    changed = terminal.ok("upstreams", "update", "main", "--name", "second", *project, "--json").json[0]
    assert changed == made | {"name": "second", "project_id": terminal.house.project_id}
    assert terminal.ok("upstreams", "update", "second", "--any-project", "--json").json[0]["project_id"] is None
    elsewhere = "https://elsewhere.example/v1"
    assert "given for another server" in terminal.refused("upstreams", "update", "second", "--base-url", elsewhere)
    moved = terminal.ok("upstreams", "update", "second", "--base-url", elsewhere, "--key-stdin", stdin=KEY + "2\n")
    assert "Changed, but it does not list its models now: No connection" in moved.err
    assert "…def2" in moved.out
    terminal.house.upstream_models[elsewhere] = ["b", "a"]
    listed = terminal.ok("upstreams", "update", "second", "--listed-models", "--no-key", "--json").json[0]
    assert (listed["models"], listed["redacted_key"]) == (["a", "b"], None)
    assert terminal.ok("upstreams", "update", "second", "--models", "c,d-*", "--json").json[0]["models"] == ["c", "d-*"]
    assert "Give something to change" in terminal.refused("upstreams", "update", "second")
    for both in (("--no-key", "--key-stdin"), ("--listed-models", "--models", "m"), ("--any-project", *project)):
        assert "exclude each other" in terminal.refused("upstreams", "update", "second", *both)
    assert all(KEY not in text for text in terminal.seen)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--base-url", "nothing"], "must be an http or https URL"),
        (["--base-url", URL, "--key-env", "NOTHING"], "The environment has no variable 'NOTHING'"),
        (["--base-url", URL, "--key-env", "X", "--key-stdin"], "exclude each other"),
        (["--base-url", URL, "--key-stdin"], "must be 1 to 8,192 printable ASCII"),
        (["--base-url", URL], "No connection to https://models.example/v1"),
        (["--base-url", URL, "--models", ""], "an empty list was given"),
        (["--base-url", URL, "--models", "m", "--ca-file", "/nothing"], "is not a file that can be read"),
        (["--base-url", URL, "--models", "m", "--project", "nothing"], "No project with id 'nothing'"),
    ],
)
def test_bad_upstream_is_refused(terminal: Terminal, words: list[str], sentence: str) -> None:
    assert sentence in terminal.refused("upstreams", "add", "main", *words, stdin="")
    assert terminal.ok("upstreams", "list", "--json").json == []


def test_upstream_of_one_project(terminal: Terminal) -> None:
    made = terminal.ok(
        "upstreams", "add", "main", "--base-url", URL, "--models", "m", "--project", "Default project", "--json"
    )
    assert made.json[0]["project_id"] == terminal.house.project_id


def test_prices_are_set_listed_and_shown(terminal: Terminal) -> None:
    terminal.ok("prices", "set", "m1", "--input", "2.50", "--output", "10")
    printed = terminal.ok(
        "prices", "set", "m1", "--input", "0.000000001", "--output", "3", "--cached-input", "1.25", "--json"
    )
    found = printed.json[0]
    assert (found["input"], found["output"], found["cached_input"]) == ("0.000000001", "3", "1.25")
    assert [item["input"] for item in terminal.ok("prices", "show", "m1", "--json").json] == ["0.000000001", "2.5"]
    assert len(terminal.ok("prices", "list", "--json").json) == 1
    row = terminal.ok("prices", "list").out.splitlines()[1].split()
    assert row == ["m1", "0.000000001", "1.25", "3", "2027-01-15", "08:00:00Z", "operator"]
    assert "Model 'm2' has no price" in terminal.refused("prices", "show", "m2")
    assert "'input' must be" in terminal.refused("prices", "set", "m1", "--input", "free", "--output", "1")


def test_audit_tells_who_did_what(terminal: Terminal) -> None:
    made = terminal.ok("keys", "create", "laptop", "--json").json
    event = terminal.ok("audit", "list", "--limit", "1", "--json")
    assert event.json[0]["api_key.created"] == {"id": made["id"], "data": {"scopes": ["all"], "name": "laptop"}}
    assert event.json[0]["actor"]["session"]["user"] == {"id": "operator"}
    assert "There are more: --after audit_log-" in event.err
    lines = terminal.ok("audit", "list").out.splitlines()
    assert lines[0].split() == ["AT", "EVENT", "OBJECT", "BY", "FROM"]
    assert len(lines) == 7


def test_backup_and_restore_with_the_passphrase_of_each_source(terminal: Terminal, tmp_path: Path) -> None:
    terminal.environ["PASSPHRASE"] = PASSPHRASE
    file = str(tmp_path / "copy")
    printed = terminal.ok("backup", file, "--passphrase-env", "PASSPHRASE")
    assert f"Wrote {file} and {file}.secrets" in printed.err
    assert "never overwrites" in terminal.refused("backup", file, "--passphrase-env", "PASSPHRASE")
    wrong = terminal.refused(
        "restore", file, "--passphrase-stdin", "--data", str(tmp_path / "r"), stdin="wrong one here\n"
    )
    assert "passphrase is wrong" in wrong
    terminal.ok("restore", file, "--passphrase-stdin", "--data", str(tmp_path / "r1"), stdin=PASSPHRASE + "\n")
    terminal.ok("restore", file, "--data", str(tmp_path / "r2"), stdin=PASSPHRASE + "\n")
    for name in ("r1", "r2"):
        for path, content in terminal.house.secret_files().items():
            assert (tmp_path / name / path).read_bytes() == content
    assert all(PASSPHRASE not in text for text in terminal.seen)


def test_prompted_passphrase_is_asked_twice_for_a_backup(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok("backup", str(tmp_path / "copy"), stdin=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert (tmp_path / "copy.secrets").exists()


def test_passphrase_has_one_source(terminal: Terminal, tmp_path: Path) -> None:
    both = terminal.refused("backup", str(tmp_path / "c"), "--passphrase-env", "X", "--passphrase-stdin")
    assert "exclude each other" in both
    assert "no variable 'X'" in terminal.refused("backup", str(tmp_path / "c"), "--passphrase-env", "X")
    assert "at least 12 characters" in terminal.refused(
        "backup", str(tmp_path / "c"), "--passphrase-stdin", stdin="short\n"
    )
