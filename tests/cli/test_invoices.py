"""`keyhouse invoices` and `keyhouse credit`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.terminal import Terminal
from tests.control.test_invoices import NOVEMBER, OCTOBER, row, used


def test_an_invoice_is_issued_shown_and_written(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok(
        "invoices", "profile", "set", "--legal-name", "Acme", "--tax-rate", "19", "--address", "a", "--address", "b"
    )
    terminal.house.clock.now = OCTOBER
    assert terminal.ok("credit", "grant", "1", "--expires", "2027-01-01", "--json").json["amount"] == "1"
    used(terminal.house, row(terminal.house, OCTOBER, costs=(3_000_000_000, 0, 0)))
    assert "not over" in terminal.refused("invoices", "issue", "2026-10")
    terminal.house.clock.now = NOVEMBER
    issued = terminal.ok("invoices", "issue", "2026-10", "--json").json
    assert (issued["number"], issued["tax_cents"], issued["due_cents"]) == ("KH-2026-0001", 57, 257)
    assert issued["billing_profile"]["address"] == ["a", "b"]
    assert terminal.ok("invoices", "show", "2026-10", "--json").json == issued
    assert terminal.ok("invoices", "list", "--json").json == [issued]
    assert "2.57" in terminal.ok("invoices", "list").out
    assert "KH-2026-0001,2026-10" in terminal.ok("invoices", "show", "2026-10", "--csv").out
    assert "various" in terminal.ok("invoices", "show", issued["id"]).out
    file = tmp_path / "a.pdf"
    terminal.ok("invoices", "show", "2026-10", "--pdf", str(file))
    assert file.read_bytes().startswith(b"%PDF-")
    assert terminal.ok("invoices", "profile", "show").json["tax_rate"] == "19"


def test_the_balance_says_what_is_left(terminal: Terminal) -> None:
    terminal.ok("credit", "grant", "2.5", "--note", "trial")
    printed = terminal.ok("credit", "balance")
    assert "trial" in printed.out
    assert "2.5 US dollars" in printed.err
    assert terminal.ok("credit", "balance", "--json").json["available_nanos"] == 2_500_000_000


def test_what_cannot_be_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    assert "month such as" in terminal.refused("invoices", "issue", "October")
    assert "exclude" in terminal.refused("invoices", "show", "2026-10", "--json", "--csv")
    assert "cannot be written" in terminal.refused("invoices", "show", "2026-10", "--pdf", str(tmp_path))
