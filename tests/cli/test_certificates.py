"""`keyhouse certificates`."""

from __future__ import annotations

from pathlib import Path

from tests.api.pem import authority, private_key
from tests.cli.terminal import Terminal


def test_certificates_from_upload_to_deletion(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "corporate.pem"
    file.write_text(authority())
    made = terminal.ok("certificates", "upload", str(file), "--name", "Corporate", "--json").json
    assert (made["name"], made["active"]) == ("Corporate", False)
    assert "BEGIN CERTIFICATE" in terminal.ok("certificates", "show", "Corporate", "--content").err
    terminal.ok("certificates", "rename", "Corporate", "Company")
    terminal.ok("certificates", "activate", "Company", "--project", "Default project")
    [shown] = terminal.ok("certificates", "list", "--project", "Default project", "--json").json
    assert (shown["id"], shown["active"]) == (made["id"], True)
    assert "active" in terminal.ok("certificates", "list", "--project", "Default project").out
    assert "deactivate it there first" in terminal.refused("certificates", "delete", "Company")
    terminal.ok("certificates", "deactivate", "Company", "--project", "Default project")
    terminal.ok("certificates", "delete", "Company")
    assert terminal.ok("certificates", "list", "--json").json == []
    file.write_text(private_key())
    assert "private key in it" in terminal.refused("certificates", "upload", str(file))
    assert "cannot be read" in terminal.refused("certificates", "upload", str(tmp_path / "none.pem"))
