"""Keys and their secrets' digests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, exists, func, insert, not_, or_, select, update

from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import may_have_keys
from keyhouse.domain.data_retention import Retention, in_force
from keyhouse.domain.errors import not_found
from keyhouse.domain.keys import Key, KeyKind, KeySecret
from keyhouse.domain.people import OrganizationRole, ProjectRole
from keyhouse.store.budgets import SqlBudgets
from keyhouse.store.contract import KeyFilter, KeyRing, Listed, Page
from keyhouse.store.money_tables import budgets
from keyhouse.store.paging import page_of
from keyhouse.store.people_tables import project_members
from keyhouse.store.roles import SqlRoleAssignments, by_membership
from keyhouse.store.rows import slices, values_of
from keyhouse.store.tables import audit, key_secrets, keys, members, organizations, projects, service_accounts

_SECRET_COLUMNS = [column for column in key_secrets.columns if column.name != "ordinal"]


class SqlKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: Key) -> None:
        self._connection.execute(insert(keys).values(_values(key)))
        for secret in reversed(key.secrets):
            self.add_secret(secret)

    def get(self, organization_id: str, key_id: str) -> Key | None:
        query = select(keys).where(keys.c.id == key_id, keys.c.organization_id == organization_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Key(**row._mapping, secrets=self._secrets([key_id])[key_id])

    def save(self, key: Key) -> None:
        values = _values(key)
        last_used_at = values.pop("last_used_at")
        if last_used_at is not None:
            values["last_used_at"] = _later(last_used_at)
        if self._connection.execute(update(keys).where(keys.c.id == key.id).values(values)).rowcount != 1:
            raise not_found("API key", key.id)

    def add_secret(self, secret: KeySecret) -> None:
        newest = select(func.coalesce(func.max(key_secrets.c.ordinal), 0)).where(key_secrets.c.key_id == secret.key_id)
        ordinal = self._connection.scalars(newest).one() + 1
        self._connection.execute(insert(key_secrets).values(**values_of(secret), ordinal=ordinal))

    def end_secret(self, public_id: str, valid_until: int) -> None:
        ends_later = or_(key_secrets.c.valid_until.is_(None), key_secrets.c.valid_until > valid_until)
        self._connection.execute(
            update(key_secrets).where(key_secrets.c.public_id == public_id, ends_later).values(valid_until=valid_until)
        )

    def find_secret(self, public_id: str) -> KeyRing | None:
        row = self._connection.execute(_FIND, {"public_id": public_id}).one_or_none()
        if row is None:
            return None
        values = dict(row._mapping)
        archived_at = values.pop("project_archived_at")
        has_budgets = values.pop("has_budgets")
        permitted, denied = values.pop("project_model_permissions"), values.pop("project_denied_tools")
        membership = values.pop("role_in_organization"), values.pop("role_in_project")
        of_organization, of_project = values.pop("organization_retention"), values.pop("project_retention")
        key = Key(**values, secrets=self._secrets([values["id"]])[values["id"]])
        secret = next(secret for secret in key.secrets if secret.public_id == public_id)
        own = SqlBudgets(self._connection).of_key(key.id) if has_budgets else ()
        retention = in_force(of_organization, of_project or Retention.ORGANIZATION_DEFAULT)
        may = key.kind is not KeyKind.USER or self._may_have_keys(key, *membership)
        return KeyRing(key, secret, archived_at is not None, own, permitted, denied or (), may, retention)

    def _may_have_keys(
        self, key: Key, in_organization: OrganizationRole | None, in_project: ProjectRole | None
    ) -> bool:
        # Most people may by what they are: only for others is looked at what they were given, by groups too.
        if in_organization is None:
            return False
        places = [] if in_project is None or key.project_id is None else [(key.project_id, in_project)]
        if may_have_keys(by_membership(in_organization, places), key.project_id):
            return True
        held = SqlRoleAssignments(self._connection).held_by(key.organization_id, key.user_id or "")
        return may_have_keys(held, key.project_id)

    def list(self, organization_id: str, where: KeyFilter, page: Page) -> Listed[Key]:
        scope = [keys.c.organization_id == organization_id]
        if where.project_id is not None:
            scope.append(keys.c.project_id == where.project_id)
        rows, has_more = page_of(self._connection, keys, scope, _filters(organization_id, where), page)
        secrets = self._secrets([row.id for row in rows])
        return Listed(tuple(Key(**row._mapping, secrets=secrets[row.id]) for row in rows), has_more)

    def last_used(self, organization_id: str, user_ids: Sequence[str]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for some in slices(user_ids):
            query = select(keys.c.user_id, func.max(keys.c.last_used_at)).where(
                keys.c.organization_id == organization_id, keys.c.user_id.in_(some), keys.c.last_used_at.is_not(None)
            )
            rows = self._connection.execute(query.group_by(keys.c.user_id))
            found.update((row[0], row[1]) for row in rows)
        return found

    def touch(self, last_used: Mapping[str, int]) -> None:
        # One statement for all keys used in the same second, not one for each key: on PostgreSQL each is a round trip.
        by_second: dict[int, list[str]] = defaultdict(list)
        for key_id, second in last_used.items():
            by_second[second].append(key_id)
        for second, key_ids in by_second.items():
            for some in slices(sorted(key_ids)):
                earlier = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < second)
                self._connection.execute(update(keys).where(keys.c.id.in_(some), earlier).values(last_used_at=second))

    def _secrets(self, key_ids: Sequence[str]) -> dict[str, tuple[KeySecret, ...]]:
        """The secrets of each key, newest first."""
        found: dict[str, tuple[KeySecret, ...]] = dict.fromkeys(key_ids, ())
        for some in slices(key_ids):
            query = select(*_SECRET_COLUMNS).where(key_secrets.c.key_id.in_(some))
            rows = self._connection.execute(query.order_by(key_secrets.c.key_id, key_secrets.c.ordinal))
            for key_id, group in groupby(rows, key=lambda row: row.key_id):
                found[key_id] = tuple(KeySecret(**row._mapping) for row in group)[::-1]
        return found


_FIND = (
    select(
        keys,
        projects.c.archived_at.label("project_archived_at"),
        projects.c.model_permissions.label("project_model_permissions"),
        projects.c.denied_tools.label("project_denied_tools"),
        projects.c.data_retention.label("project_retention"),
        organizations.c.data_retention.label("organization_retention"),
        members.c.role.label("role_in_organization"),
        project_members.c.role.label("role_in_project"),
        # Few keys have budgets of their own: the others' are not read.
        exists().where(budgets.c.scope_id == keys.c.id).label("has_budgets"),
    )
    .join_from(key_secrets, keys, keys.c.id == key_secrets.c.key_id)
    .join(organizations, organizations.c.id == keys.c.organization_id)
    .outerjoin(projects, projects.c.id == keys.c.project_id)
    .outerjoin(members, and_(members.c.organization_id == keys.c.organization_id, members.c.user_id == keys.c.user_id))
    .outerjoin(
        project_members,
        and_(
            project_members.c.organization_id == keys.c.organization_id,
            project_members.c.project_id == keys.c.project_id,
            project_members.c.user_id == keys.c.user_id,
        ),
    )
    .where(key_secrets.c.public_id == bindparam("public_id"))
)


_HAS_OWNER = case(
    (
        keys.c.kind == KeyKind.SERVICE_ACCOUNT,
        exists().where(service_accounts.c.id == keys.c.service_account_id, service_accounts.c.deleted_at.is_(None)),
    ),
    else_=exists().where(members.c.organization_id == keys.c.organization_id, members.c.user_id == keys.c.user_id),
)


def _lost_its_owner(organization_id: str) -> ColumnElement[bool]:
    """Few keys have: who left and which accounts were deleted is found first, so that the others are passed without a look."""
    left = [audit.c.organization_id == organization_id, audit.c.type == EventType.USER_DELETED]
    deleted = [service_accounts.c.organization_id == organization_id, service_accounts.c.deleted_at.is_not(None)]
    return or_(
        and_(keys.c.user_id.in_(select(audit.c.object_id).where(*left)), not_(_HAS_OWNER)),
        keys.c.service_account_id.in_(select(service_accounts.c.id).where(*deleted)),
    )


def _values(key: Key) -> dict[str, Any]:
    values = values_of(key)
    del values["secrets"]
    return values


def _later(at: int) -> ColumnElement[int]:
    """The stored time of last use or this one, whichever is later: a save must not undo what `touch` noted meanwhile."""
    return case((keys.c.last_used_at > at, keys.c.last_used_at), else_=at)


def _filters(organization_id: str, where: KeyFilter) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = [keys.c.deleted_at.is_(None)]
    if where.kinds is not None:
        # Equality, not a list of one: it lets the planner take the index of one kind in its order.
        filters.append(keys.c.kind == where.kinds[0] if len(where.kinds) == 1 else keys.c.kind.in_(where.kinds))
    if where.service_account_id is not None:
        filters.append(keys.c.service_account_id == where.service_account_id)
    if where.owner_has_access is not None:
        filters.append(_HAS_OWNER if where.owner_has_access else _lost_its_owner(organization_id))
    if where.user_id is not None:
        filters.append(keys.c.user_id == where.user_id)
    return filters
