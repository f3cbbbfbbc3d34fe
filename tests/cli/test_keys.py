"""`keyhouse keys`: every verb, the secret alone on stdout, and sentences for what is refused."""

from __future__ import annotations

import pytest

from tests.cli.terminal import Terminal
from tests.control.houses import DAY, NOW


def test_create_prints_the_secret_alone_on_stdout(terminal: Terminal) -> None:
    printed = terminal.ok("keys", "create", "laptop")
    value = printed.out.removesuffix("\n")
    assert value.startswith("sk-kh_")
    assert value.isascii()
    assert terminal.house.accepts(value)
    assert printed.err.startswith("Created key 'laptop' (key_")
    assert value not in printed.err


def test_create_takes_every_field(terminal: Terminal) -> None:
    made = terminal.ok(
        "keys", "create", "laptop", "--permissions", "chat=write, models=read", "--models", "gpt-*,o3", "--expires-in", "30d",
        "--json",
    ).json  # fmt: skip
    assert made["value"].startswith("sk-kh_")
    assert made["permissions"] == {"chat": "write", "models": "read"}
    assert (made["models"], made["expires_at"]) == (["gpt-*", "o3"], NOW + 30 * DAY)


@pytest.mark.parametrize(
    ("text", "permissions"),
    [
        ("all", "all"), ("read_only", "read_only"), ('{"chat": "read"}', {"chat": "read"}), ("{}", {}),
        ("audio=none", {"audio": "none"}),
    ],
)  # fmt: skip
def test_permissions_are_written_in_four_ways(terminal: Terminal, text: str, permissions: object) -> None:
    assert terminal.ok("keys", "create", "a", "--permissions", text, "--json").json["permissions"] == permissions


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--permissions", "some", "'--permissions' must be all, read_only, a JSON object"),
        ("--permissions", "", "'--permissions' must be all, read_only, a JSON object"),
        ("--permissions", "chat=read,chat=write", "'--permissions' must be all"),
        ("--permissions", "{", "'--permissions' is not valid JSON"),
        ("--permissions", "chess=read", "'chess' is not a resource of the API"),
        ("--permissions", "chat=own", "'permissions.chat' must be"),
        ("--models", "a,,b", "'models[1]' must have 1 to 256 characters"),
        ("--allow-ip", "10.0.0.5/8", "'ip_allowlist[0]' cannot be '10.0.0.5/8': it has bits set after its prefix"),
        ("--allow-ip", "10.0.0.1,,::1", "'ip_allowlist[1]' cannot be ''"),
        ("--expires-in", "soon", "'--expires-in' must be a duration such as 90s"),
        ("--expires-in", "-5", "'--expires-in' must be a duration"),
        ("--expires-in", "0", "between 1 and 315,360,000"),
        ("--expires-in", "11y", "between 1 and 315,360,000"),
        ("--project", "nothing", "No project with id 'nothing' was found"),
        ("--service-account", "nothing", "No service account with id 'nothing' was found"),
    ],
)
def test_bad_value_is_refused_in_a_sentence(terminal: Terminal, option: str, text: str, sentence: str) -> None:
    assert sentence in terminal.refused("keys", "create", "a", option, text)
    assert len(terminal.ok("keys", "list", "--json").json) == 1


def test_empty_list_of_models_allows_none(terminal: Terminal) -> None:
    assert terminal.ok("keys", "create", "a", "--models", "", "--json").json["models"] == []


def test_life_of_a_key_by_its_name(terminal: Terminal) -> None:
    accepts = terminal.house.accepts
    first = terminal.ok("keys", "create", "laptop").out.strip()
    terminal.ok("keys", "disable", "laptop")
    assert not accepts(first)
    assert "enable it first" in terminal.refused("keys", "rotate", "laptop")
    terminal.ok("keys", "enable", "laptop")
    printed = terminal.ok("keys", "rotate", "laptop", "--grace", "1h")
    second = printed.out.strip()
    assert "The old secret works until 2027-01-15 09:00:00Z" in printed.err
    assert (accepts(first), accepts(second)) == (True, True)
    terminal.ok("keys", "update", "laptop", "--name", "desk", "--permissions", "read_only")
    third = terminal.ok("keys", "rotate", "desk").out.strip()
    assert (accepts(first), accepts(second), accepts(third)) == (False, False, True)
    terminal.ok("keys", "revoke", "desk")
    assert not accepts(third)
    assert "is revoked and can no longer be enabled" in terminal.refused("keys", "enable", "desk")
    assert terminal.ok("keys", "show", "desk", "--json").json["status"] == "revoked"


def test_update_lifts_what_restricts(terminal: Terminal) -> None:
    terminal.ok("keys", "create", "laptop", "--models", "m", "--expires-in", "1h")
    changed = terminal.ok("keys", "update", "laptop", "--any-model", "--expires-in", "never", "--json").json
    assert (changed["models"], changed["expires_at"]) == (None, None)
    assert "exclude each other" in terminal.refused("keys", "update", "laptop", "--any-model", "--models", "m")
    assert "Give something to change" in terminal.refused("keys", "update", "laptop")


@pytest.mark.parametrize("grace", ["31d", "x", "-1"])
def test_bad_grace_is_refused(terminal: Terminal, grace: str) -> None:
    terminal.ok("keys", "create", "laptop")
    assert "grace" in terminal.refused("keys", "rotate", "laptop", "--grace", grace)


def test_name_of_two_keys_is_refused_with_their_ids(terminal: Terminal) -> None:
    terminal.ok("keys", "create", "laptop")
    terminal.ok("keys", "create", "laptop")
    assert "'laptop' names 2 keys; use an id: key_" in terminal.refused("keys", "revoke", "laptop")


def test_admin_keys_are_a_kind_of_their_own(terminal: Terminal) -> None:
    made = terminal.ok("keys", "create", "ops", "--admin", "--json").json
    assert made["value"].startswith("sk-khadm_")
    names = [item["name"] for item in terminal.ok("keys", "list", "--admin", "--json").json]
    assert sorted(names) == ["First admin key", "ops"]
    assert terminal.ok("keys", "rotate", "ops", "--admin").out.startswith("sk-khadm_")
    assert terminal.ok("keys", "revoke", "ops", "--admin", "--json").json["status"] == "revoked"
    made = terminal.ok(
        "keys", "create", "board", "--admin", "--role", "reader", "--scopes", "api.groups.read", "--json"
    ).json
    assert (made["role_id"], made["scopes"]) == ("role-organization-reader", ["api.groups.read"])
    assert "cut to role-organization-reader, api.groups.read" in terminal.ok("keys", "show", "board", "--admin").err
    assert terminal.ok("keys", "update", "board", "--admin", "--uncut", "--json").json["scopes"] is None
    assert "give '--admin' too" in terminal.refused("keys", "create", "x", "--scopes", "api.groups.read")
    assert "'--uncut' excludes" in terminal.refused("keys", "update", "board", "--admin", "--uncut", "--role", "reader")
    assert "not a permission" in terminal.refused("keys", "update", "board", "--admin", "--scopes", "api.tea")
    assert "belongs to no project" in terminal.refused("keys", "create", "x", "--admin", "--project", "Default project")
    assert "not enforced yet" in terminal.refused("keys", "create", "x", "--admin", "--models", "m")


def test_keys_of_a_service_account_and_of_a_project(terminal: Terminal) -> None:
    terminal.ok("projects", "create", "Search")
    terminal.ok("service-accounts", "create", "robo", "--project", "Search", "--without-key")
    made = terminal.ok("keys", "create", "bot", "--project", "Search", "--service-account", "robo", "--json").json
    assert made["value"].startswith("sk-khsvc_")
    listed = terminal.ok("keys", "list", "--project", "Search", "--json").json
    assert [item["id"] for item in listed] == [made["id"]]
    assert "No key with id 'bot'" in terminal.refused("keys", "show", "bot", "--project", "Default project")
    assert terminal.ok("keys", "show", "bot", "--project", "Search", "--json").json["id"] == made["id"]


def test_table_is_plain_text_where_it_is_piped(terminal: Terminal) -> None:
    terminal.ok("keys", "create", "a [bold]name[/bold]", "--expires-in", "1h")
    printed = terminal.ok("keys", "list")
    lines = printed.out.splitlines()
    assert lines[0].split() == ["ID", "NAME", "KEY", "OWNER", "STATUS", "CREATED", "LAST", "USED", "EXPIRES"]
    assert len(lines) == 3
    assert "\t" not in printed.out
    assert "\x1b" not in printed.out
    assert any("a [bold]name[/bold]" in line and "2027-01-15 09:00:00Z" in line for line in lines)


def test_table_is_drawn_on_a_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.ok("keys", "create", "[red]x")
    monkeypatch.setattr("keyhouse.cli.output.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    out = terminal.ok("keys", "list").out
    assert "─" in out
    assert "[red]x" in out


def test_long_lists_go_on_where_they_ended(terminal: Terminal) -> None:
    for number in range(3):
        terminal.house.clock.now += 1
        terminal.ok("keys", "create", f"k{number}")
    first = terminal.ok("keys", "list", "--limit", "3", "--json")
    after = first.json[-1]["id"]
    assert first.err.strip() == f"There are more: --after {after}"
    rest = terminal.ok("keys", "list", "--limit", "3", "--after", after, "--json")
    assert [item["name"] for item in rest.json] == ["k2"]
    assert rest.err == ""


def test_show_tells_permissions_and_models(terminal: Terminal) -> None:
    terminal.ok("keys", "create", "a", "--permissions", "chat=write", "--models", "m1,m2")
    assert "Permissions: chat=write. Models: m1, m2. Addresses: any." in terminal.ok("keys", "show", "a").err


def test_addresses_are_allowed_replaced_and_lifted(terminal: Terminal) -> None:
    allowed = ("--allow-ip", "10.0.0.0/8, ::1", "--allow-ip", "203.0.113.7")
    made = terminal.ok("keys", "create", "a", *allowed, "--json").json
    assert made["ip_allowlist"] == ["10.0.0.0/8", "::1", "203.0.113.7"]
    assert "Addresses: 10.0.0.0/8, ::1, 203.0.113.7." in terminal.ok("keys", "show", "a").err
    assert terminal.ok("keys", "update", "a", "--name", "b", "--json").json["ip_allowlist"] == made["ip_allowlist"]
    assert "Addresses: none." in terminal.ok("keys", "update", "b", "--allow-ip", "").err
    assert terminal.ok("keys", "update", "b", "--any-ip", "--json").json["ip_allowlist"] is None
    assert "exclude each other" in terminal.refused("keys", "update", "b", "--any-ip", "--allow-ip", "::1")
    admin = terminal.ok("keys", "create", "ops", "--admin", "--allow-ip", "::1", "--json").json
    assert admin["ip_allowlist"] == ["::1"]


def test_each_secret_is_printed_once(terminal: Terminal) -> None:
    secrets = [
        terminal.ok("keys", "create", "a").out.strip(),
        terminal.ok("keys", "rotate", "a", "--grace", "5m").out.strip(),
    ]
    secrets.append(terminal.ok("service-accounts", "create", "robo").out.strip())
    secrets.append(terminal.ok("keys", "create", "b", "--admin", "--json").json["value"])
    for words in (["keys", "show", "a"], ["keys", "list"], ["keys", "list", "--json"], ["audit", "list", "--json"]):
        terminal.ok(*words)
    terminal.ok("keys", "revoke", "a", "--json")
    for secret in secrets:
        assert sum(secret in text for text in terminal.seen) == 1
        assert not terminal.house.files_contain(secret)
