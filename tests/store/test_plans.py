"""A million keys cost nothing: every look-up and every page is read from an index, in its order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from keyhouse.domain.audit import EventType
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.levels import Level
from keyhouse.store.contract import AuditFilter, KeyFilter, Page, RollupFilter, ScopeFilter, Transaction, Width
from keyhouse.store.sqlite import CONTROL_FILE, SqliteStore
from tests.fixtures.fresh import fresh_sqlite
from tests.store.makers import ALICE, ORG, OTHER_PROJECT, PROJECT, ROBO, furnish, make_budget, make_event, make_key
from tests.store.test_notices import make_notice

OF_TYPE = AuditFilter(types=(EventType.API_KEY_CREATED,))
Read = Callable[[Transaction], object]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SqliteStore]:
    store = fresh_sqlite(tmp_path)
    furnish(store)
    with store.write() as transaction:
        transaction.keys.add(make_key(1))
        transaction.keys.add(make_key(2, kind=KeyKind.ADMIN, project_id=None))
        transaction.keys.add(make_key(3, kind=KeyKind.SERVICE_ACCOUNT, user_id=None, service_account_id=ROBO))
        transaction.audit.append(make_event(1))
        transaction.notices.add(make_notice(1))
        transaction.rollups.fold(3600)
        transaction.budgets.add(make_budget(1, Level.KEY, "key_000001"))
        transaction.audit.append(replace(make_event(2), type=EventType.BUDGET_CREATED, object_id="budget_gone"))
    yield store
    store.close()


@pytest.mark.parametrize(
    ("read", "index"),
    [
        (lambda t: t.keys.find_secret("pub000000001"), "key_secrets"),
        (lambda t: t.keys.get(ORG, "key_000001"), "keys"),
        (lambda t: t.keys.list(ORG, KeyFilter(), Page("key_000001")), "ix_keys_of_organization"),
        (lambda t: t.keys.list(ORG, KeyFilter(PROJECT), Page("key_000001")), "ix_keys_of_project"),
        (lambda t: t.keys.list(ORG, KeyFilter(PROJECT), Page(newest_first=True)), "ix_keys_of_project"),
        (lambda t: t.keys.list(ORG, KeyFilter(PROJECT), Page(before="key_000001")), "ix_keys_of_project"),
        (lambda t: t.keys.list(ORG, KeyFilter(PROJECT, owner_has_access=False), Page()), "ix_keys_of_project"),
        (lambda t: t.keys.list(ORG, KeyFilter(PROJECT, tuple(KeyKind)), Page()), "ix_keys_of_project"),
        (lambda t: t.keys.list(ORG, KeyFilter(kinds=(KeyKind.ADMIN,)), Page("key_000002")), "ix_keys_of_kind"),
        (
            lambda t: t.keys.list(ORG, KeyFilter(PROJECT, service_account_id=ROBO), Page("key_000003")),
            "ix_keys_of_service_account",
        ),
        (lambda t: t.projects.list(ORG, Page(PROJECT)), "ix_projects_organization_id_created_at_id"),
        (
            lambda t: t.service_accounts.list(ORG, PROJECT, Page(ROBO)),
            "ix_service_accounts_organization_id_project_id_created_at_id",
        ),
        (lambda t: t.upstreams.list(ORG, Page()), "ix_upstreams_of_organization"),
        (lambda t: t.people.by_email(ORG, "alice@example.com"), "people"),
        (lambda t: t.people.get(ORG, ALICE), "people"),
        (lambda t: t.audit.list(ORG, Page("audit_log-org-house-1")), "ix_audit_of_organization"),
        (lambda t: t.audit.list(ORG, Page(before="audit_log-org-house-1")), "ix_audit_of_organization"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(since=1, until=9)), "ix_audit_of_organization"),
        (lambda t: t.audit.list(ORG, Page("audit_log-org-house-1"), OF_TYPE), "ix_audit_of_type"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(project_ids=(PROJECT,))), "ix_audit_of_project"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(object_ids=("key_1",))), "ix_audit_of_object"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(actor_ids=(ALICE,))), "ix_audit_of_user"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(actor_ids=("key_1",))), "ix_audit_of_key"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(actor_ids=(ROBO,))), "ix_audit_of_service_account"),
        (lambda t: t.audit.list(ORG, Page(), AuditFilter(actor_emails=("a@b.c",))), "ix_audit_of_email"),
        (lambda t: t.audit.head(), "audit_seals"),
        (lambda t: t.refusals.newest(ORG), "ix_refusals_organization_id_seq"),
        (lambda t: t.changes.since(5), "changes"),
        (lambda t: t.changes.head(), "changes"),
        (lambda t: t.prices.versions("gpt-4o"), "ix_prices_model_effective_at_seq"),
        (lambda t: t.rollups.sum(Width.HOUR, RollupFilter(ORG, 0, 9), ()), "rollups"),
        (lambda t: t.projects.get(ORG, OTHER_PROJECT), "projects"),
        (lambda t: t.day_counts.watched_keys(["key_000001", "key_000002"]), "keys"),
        (lambda t: t.day_counts.since(1_700_000_000), "ix_day_cells_of_minute"),
        (lambda t: t.keys.find_secret("pub000000001"), "ix_budgets_of_scope"),
        (lambda t: t.budgets.shared(), "ix_budgets_of_level"),
        (lambda t: t.budgets.of_key("key_000001"), "ix_budgets_of_scope"),
        (lambda t: t.budgets.by_name(ORG, PROJECT, "monthly"), "sqlite_autoindex_budgets"),
        (lambda t: t.budgets.list(ORG, ScopeFilter(), Page("budget_001")), "ix_budgets_of_organization"),
        (lambda t: t.budgets.list(ORG, ScopeFilter(Level.KEY), Page("budget_001")), "ix_budgets_of_level"),
        (lambda t: t.budgets.list(ORG, ScopeFilter(Level.KEY, "key_000001"), Page()), "ix_budgets"),
        (lambda t: t.spend_alerts.list(ORG, ScopeFilter(Level.PROJECT, PROJECT), Page()), "ix_spend_alerts_of_scope"),
        (lambda t: t.budgets.list(ORG, ScopeFilter(), Page("budget_gone")), "ix_audit_of_object"),
        (lambda t: t.invoices.page(ORG, Page(newest_first=True)), "sqlite_autoindex_invoices"),
        (lambda t: t.spend_alerts.has_fired("alert_1", 0), "spend_alerts_fired"),
        (lambda t: t.notices.list(ORG, None, Page("msg_1")), "ix_notices_organization_id_created_at_id"),
        (lambda t: t.notices.next_attempt_at(), "ix_notices_next_attempt_at"),
        (lambda t: t.notices.was_told("budget_1", 0), "told"),
        (lambda t: t.webhook_secrets.get(ORG), "webhook_secrets"),
    ],
)
def test_every_read_is_an_index_search_in_its_order(house: SqliteStore, tmp_path: Path, read: Read, index: str) -> None:
    statements: list[tuple[str, Any]] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            statements.append((statement, parameters))

    try:
        with house.read() as transaction:
            read(transaction)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert statements
    with closing(sqlite3.connect(tmp_path / CONTROL_FILE)) as connection:
        plan = [row[3] for sql, given in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
    assert any(index in step for step in plan)
    for step in plan:
        assert "SCAN" not in step or "changes" in step or "audit_seals" in step
        assert "TEMP B-TREE" not in step
