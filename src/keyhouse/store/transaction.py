"""One database transaction, as its families of tables."""

from __future__ import annotations

from sqlalchemy import Connection

from keyhouse.store.audit import SqlAuditLog
from keyhouse.store.billing import SqlBillingProfiles, SqlCreditGrants, SqlInvoices, SqlTags
from keyhouse.store.budgets import SqlBudgets
from keyhouse.store.certificates import SqlCertificates
from keyhouse.store.changes import SqlChanges
from keyhouse.store.contract import AuditKeys
from keyhouse.store.day_counts import SqlDayCounts
from keyhouse.store.groups import SqlGroups
from keyhouse.store.idempotency import SqlIdempotencyClaims
from keyhouse.store.increases import SqlIncreaseRequests
from keyhouse.store.invites import SqlInvites
from keyhouse.store.keys import SqlKeys
from keyhouse.store.limits import SqlRateLimitRules
from keyhouse.store.materials import SqlMaterials
from keyhouse.store.notices import SqlNotices, SqlWebhookSecrets
from keyhouse.store.people import SqlPeople
from keyhouse.store.prices import SqlPrices
from keyhouse.store.project_members import SqlProjectMembers
from keyhouse.store.projects import SqlOrganizations, SqlProjects, SqlServiceAccounts
from keyhouse.store.refusals import SqlRefusals
from keyhouse.store.roles import SqlRoleAssignments, SqlRoles
from keyhouse.store.rollups import SqlRollups
from keyhouse.store.settings_seen import SqlSettingsSeen
from keyhouse.store.spend_alerts import SqlSpendAlerts
from keyhouse.store.upstreams import SqlUpstreams


class SqlTransaction:
    """`contract.Transaction` on one connection. `audit_keys` None: audit events are not sealed."""

    def __init__(self, connection: Connection, audit_keys: AuditKeys | None = None) -> None:
        self.organizations = SqlOrganizations(connection)
        self.projects = SqlProjects(connection)
        self.people = SqlPeople(connection)
        self.project_members = SqlProjectMembers(connection)
        self.groups = SqlGroups(connection)
        self.invites = SqlInvites(connection)
        self.roles = SqlRoles(connection)
        self.role_assignments = SqlRoleAssignments(connection)
        self.service_accounts = SqlServiceAccounts(connection)
        self.keys = SqlKeys(connection)
        self.upstreams = SqlUpstreams(connection)
        self.prices = SqlPrices(connection)
        self.audit = SqlAuditLog(connection, audit_keys)
        self.changes = SqlChanges(connection)
        self.materials = SqlMaterials(connection)
        self.rollups = SqlRollups(connection)
        self.refusals = SqlRefusals(connection)
        self.day_counts = SqlDayCounts(connection)
        self.rate_limits = SqlRateLimitRules(connection)
        self.increases = SqlIncreaseRequests(connection)
        self.budgets = SqlBudgets(connection)
        self.spend_alerts = SqlSpendAlerts(connection)
        self.certificates = SqlCertificates(connection)
        self.idempotency = SqlIdempotencyClaims(connection)
        self.billing_profiles = SqlBillingProfiles(connection)
        self.invoices = SqlInvoices(connection)
        self.credit_grants = SqlCreditGrants(connection)
        self.tags = SqlTags(connection)
        self.notices = SqlNotices(connection)
        self.webhook_secrets = SqlWebhookSecrets(connection)
        self.settings = SqlSettingsSeen(connection)
