"""Two organizations in one house, with somebody of every role; what is asked of it is undone at once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from keyhouse.app.asgi import application
from keyhouse.control import upstreams
from keyhouse.control.context import Caller as Operator
from keyhouse.control.minting import Holder, mint_key
from keyhouse.control.upstream_fields import UpstreamFields
from keyhouse.domain.authority import Permission, Role, RoleKind
from keyhouse.domain.billing import BillingProfile, Invoice
from keyhouse.domain.keys import KeyKind
from keyhouse.domain.notices import Notice, NoticeKind
from keyhouse.domain.people import (
    Member,
    OrganizationRole,
    Person,
    PrincipalKind,
    ProjectMember,
    ProjectRole,
    RoleAssignment,
)
from keyhouse.domain.permissions import ALL, READ_ONLY, Access, Permissions, Resource
from keyhouse.domain.projects import Organization, Project
from keyhouse.store.contract import KeyFilter, Page, Transaction
from tests.api.matrix import roles
from tests.api.matrix.asking import Answer, UndoneStore, asked
from tests.api.matrix.cells import FOREIGN, OTHER, OWN
from tests.api.matrix.requests import BODIES, Objects, filled
from tests.api.matrix.roles import Caller
from tests.houses import RunningHouse

FOREIGN_ORGANIZATION = "org-foreign"
_O, _P, _R = "/v1/organization", "/v1/organization/projects/{project_id}", "/v1/projects/{project_id}"
_MADE = (
    ("group", f"{_O}/groups"),
    ("", f"{_O}/groups/{{group_id}}/users"),
    ("certificate", f"{_O}/certificates"),
    ("role", f"{_O}/roles"),
    ("", f"{_O}/users/{{user_id}}/roles"),
    ("", f"{_O}/groups/{{group_id}}/roles"),
    ("rate_limit", f"{_O}/rate_limits"),
    ("alert", f"{_O}/spend_alerts"),
    ("", f"{_O}/spend_limit"),
    ("project_role", f"{_R}/roles"),
    ("", f"{_R}/users/{{user_id}}/roles"),
    ("", f"{_R}/groups/{{group_id}}/roles"),
    ("key", f"{_P}/api_keys"),
    ("account", f"{_P}/service_accounts"),
    ("project_limit", f"{_P}/rate_limits"),
    ("project_alert", f"{_P}/spend_alerts"),
    ("", f"{_P}/spend_limit"),
    ("", f"{_P}/model_permissions"),
    ("budget", f"{_O}/budgets"),
    ("request", f"{_O}/increase_requests"),
    ("upstream", f"{_O}/upstreams"),
)
"""What is made in each place, in this order, with the bodies that are asked later, and the name by which it is known."""
Cut = str | tuple[str, ...] | None
"""What an admin key is cut to: a role, or scopes."""
_READER = "role-organization-reader"
_Projects = dict[str, frozenset[str]]


class MatrixHouse:
    """`ask` what leaves nothing behind."""

    def __init__(self, house: RunningHouse) -> None:
        self._house = house
        house.gateway.control = replace(house.gateway.control, list_models=lambda *_: ["m"])
        self._lasting = application(house.gateway)
        self.control = house.gateway.control
        house.gateway.control = replace(self.control, store=UndoneStore(self.control.store), announce=lambda _: None)
        self.app = application(house.gateway)
        house.gateway.control = self.control
        self.organization = house.facts.organization_id
        self.places: dict[str, Objects] = {}
        self.callers: list[Caller] = []
        self.foreign_owner = Caller("nobody", "")
        self._by_words: dict[frozenset[str], Caller] = {}

    async def furnish(self) -> None:
        facts = self._house.facts
        owner = facts.admin_key
        own, other = [(await self._made(owner, f"{_O}/projects", {"name": name}))["id"] for name in (OWN, OTHER)]
        foreign_owner, foreign = self._foreign_organization()
        self.foreign_owner = Caller("a further organization's owner", foreign_owner, roles.EVERYTHING - roles.OF_HOUSE)
        self.places[OWN] = await self._furnished(owner, self.organization, own, OWN)
        self.places[OTHER] = await self._furnished(owner, self.organization, other, OTHER)
        self.places[FOREIGN] = await self._furnished(foreign_owner, FOREIGN_ORGANIZATION, foreign, FOREIGN)
        account = filled(f"{_P}/service_accounts/{{account_id}}/api_keys", own, self.places[OWN])
        await self._made(owner, account.removesuffix("/api_keys"), {"role": "owner"})
        robo = await self._made(owner, account, {"name": "robo"})
        self.callers = [
            Caller("nobody", ""),
            Caller("a project key", facts.api_key, calls_models=True),
            Caller("a service account's key", robo["value"], calls_models=True),
            Caller("organization owner", owner, roles.EVERYTHING),
            self._person("organization reader", OrganizationRole.READER, everywhere=roles.READS),
            self._person("organization member"),
            self._person("organization role of nothing", words=roles.NOTHING),
            self._person("project owner", project=ProjectRole.OWNER, projects={OWN: roles.OF_PROJECTS}),
            self._person("project member", project=ProjectRole.MEMBER, projects={OWN: roles.PROJECT_MEMBER}),
            self._person("project viewer", project=ProjectRole.VIEWER, projects={OWN: roles.PROJECT_READS}),
            self._person("project role of keys", words=_KEYS, projects={OWN: _KEYS}),
            self._person("owner's key cut to reading", OrganizationRole.OWNER, everywhere=roles.READS, cut_to=_READER),
        ]

    def holder(self, name: str, words: frozenset[str]) -> Caller:
        """Somebody whose only role is one of the organization that grants just this; an owner whose key is cut to it, where no
        role that is made grants it."""
        if words not in self._by_words:
            if words & roles.OF_HOUSE:
                person = self._person(name, OrganizationRole.OWNER, everywhere=words, cut_to=tuple(sorted(words)))
            else:
                person = self._person(name, words=words, everywhere=words)
            self._by_words[words] = person
        return replace(self._by_words[words], name=name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._house.port}"

    @property
    def owners_key_id(self) -> str:
        """The first admin key's, which may do everything."""
        with self.control.store.read() as tx:
            page = tx.keys.list(self.organization, KeyFilter(None, (KeyKind.ADMIN,)), Page(limit=1000))
        return next(key.id for key in page.items if key.name == "First admin key")

    def person_with_cut_key(self, words: frozenset[str]) -> str:
        """An admin key of an owner, cut to these scopes."""
        owner = self._person("cut owner", OrganizationRole.OWNER, cut_to=tuple(words))
        return owner.key

    async def data_plane_keys(self, resource: str, access: str) -> list[tuple[str, str, bool]]:
        """(what it is, the key, whether it may call what asks for this scope)"""
        project = self.places[OWN]["project"]
        may: dict[str, tuple[Permissions, bool]] = {
            "all": (ALL, True),
            "reading only": (READ_ONLY, access == "read"),
            "the one scope": (Permissions("restricted", ((Resource(resource), Access(access)),)), True),
            "all scopes but the one": (
                Permissions("restricted", tuple((r, Access.WRITE) for r in Resource if r.value != resource)),
                False,
            ),
            "no scope": (Permissions("restricted"), False),
        }
        keys = [(caller.name, caller.key, caller.calls_models) for caller in self.callers]
        holders = {
            "a member's": Holder(KeyKind.USER, project, self._caller_of_models("member", project, ProjectRole.MEMBER)),
            "a service account's": Holder(
                KeyKind.SERVICE_ACCOUNT, project, service_account_id=self.places[OWN]["account"]
            ),
        }
        for whose, holder in holders.items():
            for what, (permissions, allowed) in may.items():
                _, key = await asyncio.to_thread(self._key, self.organization, holder, permissions=permissions)
                keys.append((f"{whose} with {what}", key, allowed))
        people: tuple[tuple[str, ProjectRole | None, OrganizationRole, bool], ...] = (
            ("owner of the project", ProjectRole.OWNER, OrganizationRole.MEMBER, True),
            ("viewer of the project", ProjectRole.VIEWER, OrganizationRole.MEMBER, False),
            ("nobody in the project", None, OrganizationRole.MEMBER, False),
            ("owner of the organization", None, OrganizationRole.OWNER, True),
            ("reader of the organization", None, OrganizationRole.READER, False),
        )
        for who, in_project, in_organization, allowed in people:
            user_id = self._caller_of_models(who.replace(" ", "-"), project, in_project, in_organization)
            _, key = await asyncio.to_thread(self._key, self.organization, Holder(KeyKind.USER, project, user_id))
            keys.append((f"a key of the {who}", key, allowed))
        return keys

    def _caller_of_models(
        self,
        name: str,
        project: str,
        role: ProjectRole | None,
        in_organization: OrganizationRole = OrganizationRole.MEMBER,
    ) -> str:
        """The id of somebody with these roles, whose keys are asked for models."""
        user_id = f"user-calls-{name}"
        with self.control.store.read() as tx:
            if tx.people.get(self.organization, user_id) is not None:
                return user_id
        self._member(self.organization, user_id, in_organization)
        if role is not None:
            with self.control.store.write() as tx:
                tx.project_members.put(ProjectMember(self.organization, project, user_id, role, 1))
        return user_id

    async def ask(self, method: str, path: str, key: str, *, body: Any = None, query: str = "") -> Answer:
        return await asked(self.app, method, path, key, body=body, query=query)

    async def _made(self, key: str, path: str, body: Any) -> Any:
        answer = await asked(self._lasting, "POST", path, key, body=body)
        assert answer.status == 200, (path, answer)
        return json.loads(answer.body)

    async def _furnished(self, owner: str, organization: str, project: str, place: str) -> Objects:
        """The objects of a place: one of each kind, beside them what cannot be made over HTTP."""
        objects = {"project": project, "name": f"of {place}"}
        for kind in ("user", "outsider"):
            objects[kind] = f"user-{place}-{kind}"
            self._member(organization, objects[kind], OrganizationRole.MEMBER)
        for kind, path in _MADE:
            if (kind, place) == ("upstream", FOREIGN):
                objects[kind] = await asyncio.to_thread(self._upstream, organization, project)
                continue
            made = await self._made(owner, filled(path, project, objects), BODIES[path](objects))
            objects |= {kind: made["id"]} if kind else {}
        for path, body in (
            (f"{_P}/users", {"user_id": objects["user"], "role": "viewer"}),
            (f"{_P}/groups", {"group_id": objects["group"], "role": objects["project_role"]}),
        ):
            await self._made(owner, filled(path, project, objects), body)
        objects["admin_key"], _ = self._key(organization, Holder(KeyKind.ADMIN, user_id=objects["outsider"]))
        notice = Notice(
            f"msg_{place}",
            organization,
            NoticeKind.WEBHOOK,
            "https://example.com/",
            "alert",
            "{}",
            1,
            None,
            delivered_at=1,
        )
        invoice = Invoice(f"inv_{place}", organization, "2026-01", 1000, BillingProfile(organization), (), 0, 1)
        with self.control.store.write() as tx:
            tx.notices.add(notice)
            if place != OTHER:
                tx.invoices.add(invoice)
        return objects | {"notice": notice.id, "invoice": invoice.id, "name": "new"}

    def _upstream(self, organization: str, project: str) -> str:
        """One that the operator has dedicated to a project; its id."""
        given = UpstreamFields("dedicated", "https://models.example/v1", models=["m"], project_id=project)
        operator = Operator.operator(organization)
        return upstreams.add(self.control, operator, given, self.control.list_models).upstream.id

    def _foreign_organization(self) -> tuple[str, str]:
        """(its owner's admin key, its project)"""
        with self.control.store.write() as tx:
            tx.organizations.add(Organization(FOREIGN_ORGANIZATION, "Foreign", 1))
            tx.projects.add(Project("proj_foreign", FOREIGN_ORGANIZATION, "Foreign", 1, is_default=True))
        self._member(FOREIGN_ORGANIZATION, "user-foreign-owner", OrganizationRole.OWNER)
        holder = Holder(KeyKind.ADMIN, user_id="user-foreign-owner")
        return self._key(FOREIGN_ORGANIZATION, holder)[1], "proj_foreign"

    def _person(
        self,
        name: str,
        role: OrganizationRole = OrganizationRole.MEMBER,
        *,
        project: ProjectRole | None = None,
        words: frozenset[str] | None = None,
        everywhere: frozenset[str] = roles.NOTHING,
        projects: _Projects | None = None,
        cut_to: Cut = None,
    ) -> Caller:
        """Somebody with an admin key. `words`: those of a role made for them, of the own project where `projects` are given."""
        user_id = f"user-{len(self.callers)}-{len(self._by_words)}-{name.replace(' ', '-')}"
        self._member(self.organization, user_id, role)
        place = self.places[OWN]["project"]
        with self.control.store.write() as tx:
            if project is not None:
                tx.project_members.put(ProjectMember(self.organization, place, user_id, project, 1))
            if words is not None:
                _give(tx, self.organization, user_id, words, place if projects else None)
        _, key = self._key(self.organization, Holder(KeyKind.ADMIN, user_id=user_id), cut_to)
        own_key, _ = self._key(self.organization, Holder(KeyKind.USER, place, user_id))
        return Caller(name, key, everywhere, projects or {}, own_key=own_key)

    def _member(self, organization: str, user_id: str, role: OrganizationRole) -> None:
        with self.control.store.write() as tx:
            tx.people.add(Person(user_id, f"{user_id}@example.com", user_id, 1), Member(organization, user_id, role, 1))

    def _key(
        self, organization: str, holder: Holder, cut: Cut = None, permissions: Permissions = ALL
    ) -> tuple[str, str]:
        """(its id, its secret)"""
        now = self.control.clock()
        minted = mint_key(self.control, organization, holder, now, name="key", permissions=permissions)
        role_id, scopes = (cut, None) if isinstance(cut, str) else (None, cut)
        key = replace(minted.key, role_id=role_id, scopes=scopes)
        with self.control.store.write() as tx:
            tx.keys.add(key)
        return key.id, minted.value


_KEYS = frozenset({f"{roles.PROJECTS}.api_keys.read", f"{roles.PROJECTS}.api_keys.write"})


def _give(tx: Transaction, organization: str, user_id: str, words: frozenset[str], project: str | None) -> None:
    kind = RoleKind.ORGANIZATION if project is None else RoleKind.PROJECT
    permissions = frozenset(Permission(word) for word in words)
    role = Role(f"role-of-{user_id}", user_id, kind, permissions, None, organization, project, 1, 1)
    tx.roles.add(role)
    tx.role_assignments.add(RoleAssignment(organization, PrincipalKind.USER, user_id, role.id, 1, project))
