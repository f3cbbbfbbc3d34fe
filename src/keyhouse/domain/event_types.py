"""The types of audit events: OpenAI's 145, and those of ours for what it has none."""

from __future__ import annotations

from enum import Enum


class EventType(Enum):
    """One grammar, `noun.verb`, alphabetical. OpenAI's are all here, so that filters take whatever its clients send."""

    ADMIN_CALL_REFUSED = "admin_call.refused"
    API_KEY_CREATED = "api_key.created"
    API_KEY_DELETED = "api_key.deleted"
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_UPDATED = "api_key.updated"
    API_KEY_USED_AFTER_REVOCATION = "api_key.used_after_revocation"
    BILLING_PROFILE_UPDATED = "billing_profile.updated"
    BUDGET_CREATED = "budget.created"
    BUDGET_DELETED = "budget.deleted"
    BUDGET_UPDATED = "budget.updated"
    CERTIFICATE_CREATED = "certificate.created"
    CERTIFICATE_DELETED = "certificate.deleted"
    CERTIFICATE_UPDATED = "certificate.updated"
    CERTIFICATES_ACTIVATED = "certificates.activated"
    CERTIFICATES_DEACTIVATED = "certificates.deactivated"
    CHECKPOINT_PERMISSION_CREATED = "checkpoint.permission.created"
    CHECKPOINT_PERMISSION_DELETED = "checkpoint.permission.deleted"
    CREDIT_GRANT_CREATED = "credit_grant.created"
    EXTERNAL_KEY_REGISTERED = "external_key.registered"
    EXTERNAL_KEY_REMOVED = "external_key.removed"
    GROUP_CREATED = "group.created"
    GROUP_DELETED = "group.deleted"
    GROUP_UPDATED = "group.updated"
    INCREASE_REQUEST_CREATED = "increase_request.created"
    INCREASE_REQUEST_DENIED = "increase_request.denied"
    INCREASE_REQUEST_GRANTED = "increase_request.granted"
    INVITE_ACCEPTED = "invite.accepted"
    INVITE_DELETED = "invite.deleted"
    INVITE_SENT = "invite.sent"
    INVOICE_ISSUED = "invoice.issued"
    IP_ALLOWLIST_CONFIG_ACTIVATED = "ip_allowlist.config.activated"
    IP_ALLOWLIST_CONFIG_DEACTIVATED = "ip_allowlist.config.deactivated"
    IP_ALLOWLIST_CREATED = "ip_allowlist.created"
    IP_ALLOWLIST_DELETED = "ip_allowlist.deleted"
    IP_ALLOWLIST_UPDATED = "ip_allowlist.updated"
    LOGIN_FAILED = "login.failed"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGOUT_FAILED = "logout.failed"
    LOGOUT_SUCCEEDED = "logout.succeeded"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_UPDATED = "organization.updated"
    PRICE_SET = "price.set"
    PROJECT_ARCHIVED = "project.archived"
    PROJECT_CREATED = "project.created"
    PROJECT_DELETED = "project.deleted"
    PROJECT_UPDATED = "project.updated"
    RATE_LIMIT_DELETED = "rate_limit.deleted"
    RATE_LIMIT_UPDATED = "rate_limit.updated"
    RESOURCE_DELETED = "resource.deleted"
    ROLE_ASSIGNMENT_CREATED = "role.assignment.created"
    ROLE_ASSIGNMENT_DELETED = "role.assignment.deleted"
    ROLE_BOUND_TO_RESOURCE = "role.bound_to_resource"
    ROLE_CREATED = "role.created"
    ROLE_DELETED = "role.deleted"
    ROLE_UNBOUND_FROM_RESOURCE = "role.unbound_from_resource"
    ROLE_UPDATED = "role.updated"
    SCIM_DISABLED = "scim.disabled"
    SCIM_ENABLED = "scim.enabled"
    SERVICE_ACCOUNT_CREATED = "service_account.created"
    SERVICE_ACCOUNT_DELETED = "service_account.deleted"
    SERVICE_ACCOUNT_UPDATED = "service_account.updated"
    SETTINGS_CHANGED = "settings.changed"
    SPEND_ALERT_CREATED = "spend_alert.created"
    SPEND_ALERT_DELETED = "spend_alert.deleted"
    SPEND_ALERT_UPDATED = "spend_alert.updated"
    ADMIN_KEY_CREATED = "tenant.admin_api_key.created"
    ADMIN_KEY_DELETED = "tenant.admin_api_key.deleted"
    ADMIN_KEY_UPDATED = "tenant.admin_api_key.updated"
    TENANT_ADS_ACCOUNT_ONBOARDING_REDEMPTION = "tenant.ads_account.onboarding.redemption"
    TENANT_API_ORGANIZATION_INVITE_DELETED = "tenant.api_organization_invite.deleted"
    TENANT_API_ORGANIZATION_INVITE_UPSERTED = "tenant.api_organization_invite.upserted"
    TENANT_BILLING_ALERTS_UPDATED = "tenant.billing.alerts.updated"
    TENANT_BILLING_INFO_UPDATED = "tenant.billing.info.updated"
    TENANT_BILLING_OVERAGE_LIMIT_UPDATED = "tenant.billing.overage_limit.updated"
    TENANT_CHATGPT_ACCESS_TOKEN_REVOKED = "tenant.chatgpt_access_token.revoked"  # noqa: S105 - an event's name
    TENANT_CHATGPT_WORKSPACE_INVITE_UPSERTED = "tenant.chatgpt_workspace_invite.upserted"
    TENANT_CUSTOM_ROLE_CREATED = "tenant.custom_role.created"
    TENANT_CUSTOM_ROLE_DELETED = "tenant.custom_role.deleted"
    TENANT_CUSTOM_ROLE_UPDATED = "tenant.custom_role.updated"
    TENANT_DOMAINS_MIGRATED = "tenant.domains.migrated"
    TENANT_GROUP_CREATED = "tenant.group.created"
    TENANT_GROUP_DELETED = "tenant.group.deleted"
    TENANT_GROUP_MEMBER_ADDED = "tenant.group.member.added"
    TENANT_GROUP_MEMBER_REMOVED = "tenant.group.member.removed"
    TENANT_GROUP_UPDATED = "tenant.group.updated"
    TENANT_MEMBERSHIP_ACCEPTED = "tenant.membership.accepted"
    TENANT_MEMBERSHIP_DECLINED = "tenant.membership.declined"
    TENANT_MEMBERSHIP_REVOKED = "tenant.membership.revoked"
    TENANT_METADATA_UPDATED = "tenant.metadata.updated"
    TENANT_MICROSOFT_ENTRA_MAPPING_DELETED = "tenant.microsoft_entra_mapping.deleted"
    TENANT_MICROSOFT_ENTRA_MAPPING_UPSERTED = "tenant.microsoft_entra_mapping.upserted"
    TENANT_MIGRATION_COMPLETED = "tenant.migration.completed"
    TENANT_MIGRATION_ROLLOUT_STATUS_UPDATED = "tenant.migration_rollout.status.updated"
    TENANT_MIGRATION_ROLLOUT_TIER_UPDATED = "tenant.migration_rollout.tier.updated"
    TENANT_POLICY_ATTACHED = "tenant.policy.attached"
    TENANT_POLICY_CREATED = "tenant.policy.created"
    TENANT_POLICY_DELETED = "tenant.policy.deleted"
    TENANT_POLICY_DETACHED = "tenant.policy.detached"
    TENANT_POLICY_UPDATED = "tenant.policy.updated"
    TENANT_PRINCIPAL_AUTHENTICATION_POLICY_RESOLVED = "tenant.principal_authentication_policy.resolved"
    TENANT_PRODUCT_ACCESS_POLICY_UPDATED = "tenant.product_access_policy.updated"
    TENANT_PROJECT_API_KEY_CREATED = "tenant.project_api_key.created"
    TENANT_RESOURCE_ACCESS_DELETED = "tenant.resource_access.deleted"
    TENANT_RESOURCE_ACCESS_UPDATED = "tenant.resource_access.updated"
    TENANT_RESOURCE_ROLE_ASSIGNMENT_CREATED = "tenant.resource_role_assignment.created"
    TENANT_RESOURCE_ROLE_ASSIGNMENT_DELETED = "tenant.resource_role_assignment.deleted"
    TENANT_RESOURCE_SHARE_GRANT_ACCEPTED = "tenant.resource_share_grant.accepted"
    TENANT_RESOURCE_SHARE_GRANT_CREATED = "tenant.resource_share_grant.created"
    TENANT_RESOURCE_SHARE_GRANT_DECLINED = "tenant.resource_share_grant.declined"
    TENANT_RESOURCE_SHARE_GRANT_DELETED = "tenant.resource_share_grant.deleted"
    TENANT_RESOURCE_SHARE_GRANT_REVOKED = "tenant.resource_share_grant.revoked"
    TENANT_RESOURCE_SHARE_GRANT_UPDATED = "tenant.resource_share_grant.updated"
    TENANT_ROLE_METADATA_UPDATED = "tenant.role.metadata.updated"
    TENANT_ROLE_ASSIGNMENT_CREATED = "tenant.role_assignment.created"
    TENANT_ROLE_ASSIGNMENT_DELETED = "tenant.role_assignment.deleted"
    TENANT_SCIM_DELETION_REQUESTED = "tenant.scim.deletion.requested"
    TENANT_SCIM_DIRECTORY_CREATED = "tenant.scim.directory.created"
    TENANT_SCIM_SETUP_STARTED = "tenant.scim.setup.started"
    TENANT_SERVICE_ACCOUNT_DELETED = "tenant.service_account.deleted"
    TENANT_SERVICE_ACCOUNT_TOKEN_REVOKED = "tenant.service_account.token.revoked"  # noqa: S105 - an event's name
    TENANT_SERVICE_ACCOUNT_UPDATED = "tenant.service_account.updated"
    TENANT_SESSION_POLICY_CREATED = "tenant.session_policy.created"
    TENANT_SESSION_POLICY_DELETED = "tenant.session_policy.deleted"
    TENANT_SESSION_POLICY_UPDATED = "tenant.session_policy.updated"
    TENANT_SESSION_REVOCATION_STARTED = "tenant.session_revocation.started"
    TENANT_SSO_MIGRATED = "tenant.sso.migrated"
    TENANT_SSO_CONNECTION_CREATED = "tenant.sso_connection.created"
    TENANT_SSO_CONNECTION_DELETED = "tenant.sso_connection.deleted"
    TENANT_SSO_CONNECTION_SETUP_STARTED = "tenant.sso_connection.setup.started"
    TENANT_SSO_CONNECTION_UPDATED = "tenant.sso_connection.updated"
    TENANT_THIRD_PARTY_APP_POLICY_UPDATED = "tenant.third_party_app_policy.updated"
    TENANT_USAGE_LIMIT_GROUP_UPDATED = "tenant.usage_limit.group.updated"
    TENANT_USAGE_LIMIT_INCREASE_REQUEST_RESOLVED = "tenant.usage_limit.increase_request.resolved"
    TENANT_USAGE_LIMIT_INCREASE_REQUEST_UPDATED = "tenant.usage_limit.increase_request.updated"
    TENANT_USAGE_LIMIT_USER_UPDATED = "tenant.usage_limit.user.updated"
    TENANT_USAGE_LIMIT_WORKSPACE_UPDATED = "tenant.usage_limit.workspace.updated"
    TENANT_USER_ADDED = "tenant.user.added"
    TENANT_USER_INVITED = "tenant.user.invited"
    TENANT_USER_LOOKED_UP = "tenant.user.looked_up"
    TENANT_USER_REMOVED = "tenant.user.removed"
    TENANT_USER_UPDATED = "tenant.user.updated"
    TENANT_WORKLOAD_IDENTITY_ACCESS_TOKEN_ISSUED = "tenant.workload_identity.access_token.issued"  # noqa: S105 - an event's name
    TENANT_WORKLOAD_IDENTITY_BINDING_CREATED = "tenant.workload_identity.binding.created"
    TENANT_WORKLOAD_IDENTITY_MAPPING_ARCHIVED = "tenant.workload_identity.mapping.archived"
    TENANT_WORKLOAD_IDENTITY_MAPPING_CREATED = "tenant.workload_identity.mapping.created"
    TENANT_WORKLOAD_IDENTITY_MAPPING_UPDATED = "tenant.workload_identity.mapping.updated"
    TENANT_WORKLOAD_IDENTITY_PRINCIPAL_PROVISIONED = "tenant.workload_identity.principal.provisioned"
    TENANT_WORKLOAD_IDENTITY_PROVIDER_ARCHIVED = "tenant.workload_identity.provider.archived"
    TENANT_WORKLOAD_IDENTITY_PROVIDER_CREATED = "tenant.workload_identity.provider.created"
    TENANT_WORKLOAD_IDENTITY_PROVIDER_UPDATED = "tenant.workload_identity.provider.updated"
    TENANT_WORKSPACE_INVITE_EMAIL_SETTINGS_UPDATED = "tenant.workspace_invite_email_settings.updated"
    TUNNEL_CREATED = "tunnel.created"
    TUNNEL_DELETED = "tunnel.deleted"
    TUNNEL_UPDATED = "tunnel.updated"
    UPSTREAM_CREATED = "upstream.created"
    UPSTREAM_DELETED = "upstream.deleted"
    UPSTREAM_UPDATED = "upstream.updated"
    USER_ADDED = "user.added"
    USER_DELETED = "user.deleted"
    USER_UPDATED = "user.updated"
    WEBHOOK_SECRET_CREATED = "webhook_secret.created"  # noqa: S105 - an event's name
    WORKLOAD_IDENTITY_PROVIDER_CREATED = "workload_identity_provider.created"
    WORKLOAD_IDENTITY_PROVIDER_DELETED = "workload_identity_provider.deleted"
    WORKLOAD_IDENTITY_PROVIDER_UPDATED = "workload_identity_provider.updated"
    WORKLOAD_IDENTITY_PROVIDER_MAPPING_CREATED = "workload_identity_provider_mapping.created"
    WORKLOAD_IDENTITY_PROVIDER_MAPPING_DELETED = "workload_identity_provider_mapping.deleted"
    WORKLOAD_IDENTITY_PROVIDER_MAPPING_UPDATED = "workload_identity_provider_mapping.updated"

    @property
    def is_tenant_scoped(self) -> bool:
        """Whether OpenAI counts it among those of a tenant, which `tenant_only` asks for."""
        return self.value.startswith("tenant.")


OURS = frozenset(
    {
        EventType.ADMIN_CALL_REFUSED,
        EventType.API_KEY_ROTATED,
        EventType.API_KEY_USED_AFTER_REVOCATION,
        EventType.BILLING_PROFILE_UPDATED,
        EventType.BUDGET_CREATED,
        EventType.BUDGET_DELETED,
        EventType.BUDGET_UPDATED,
        EventType.CREDIT_GRANT_CREATED,
        EventType.INCREASE_REQUEST_CREATED,
        EventType.INCREASE_REQUEST_DENIED,
        EventType.INCREASE_REQUEST_GRANTED,
        EventType.INVOICE_ISSUED,
        EventType.ORGANIZATION_CREATED,
        EventType.PRICE_SET,
        EventType.SETTINGS_CHANGED,
        EventType.SPEND_ALERT_CREATED,
        EventType.SPEND_ALERT_DELETED,
        EventType.SPEND_ALERT_UPDATED,
        EventType.UPSTREAM_CREATED,
        EventType.UPSTREAM_DELETED,
        EventType.UPSTREAM_UPDATED,
        EventType.WEBHOOK_SECRET_CREATED,
    }
)
"""What OpenAI has no type for."""
