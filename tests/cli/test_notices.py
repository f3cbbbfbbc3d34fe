"""`keyhouse notices`."""

from __future__ import annotations

from keyhouse.domain.notices import Notice, NoticeKind
from tests.cli.terminal import Terminal
from tests.control.houses import NOW


def test_notices_are_listed_with_what_became_of_them(terminal: Terminal) -> None:
    house = terminal.house
    with house.store.write() as tx:
        for number in range(3):
            tx.notices.add(
                Notice(
                    f"msg_{number}", house.caller.organization_id, NoticeKind.MAIL, "alice@example.com", "alert_1", "text",
                    NOW + number, NOW, subject="S",
                )
            )  # fmt: skip
        tx.notices.give_up("msg_0", NOW, "Not sent: no SMTP server is configured (KEYHOUSE_SMTP_URL).")
    shown = terminal.ok("notices", "list").out
    assert "no SMTP server is configured" in shown
    assert "alice@example.com" in shown
    failed = terminal.ok("notices", "list", "--state", "failed", "--json").json
    assert [(item["id"], item["state"]) for item in failed] == [("msg_0", "failed")]
    assert terminal.ok("notices", "show", "msg_0", "--json").json == failed[0]
    assert "no SMTP server" in terminal.ok("notices", "show", "msg_0").out
    assert "msg_9" in terminal.refused("notices", "show", "msg_9")
    page = terminal.ok("notices", "list", "--limit", "2")
    assert "--after msg_1" in page.err
    assert "'lost'" in terminal.refused("notices", "list", "--state", "lost")


def test_a_webhook_secret_is_printed_alone_on_stdout(terminal: Terminal) -> None:
    made = terminal.ok("notices", "secret")
    assert made.out.startswith("whsec_")
    assert len(made.out.split()) == 1
    assert "not shown again" in made.err
    assert terminal.ok("notices", "secret", "--json").json["value"] != made.out.strip()
