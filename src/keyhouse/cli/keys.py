"""`keyhouse keys`: the life of a key. The secret stands alone on stdout, everything else on stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import typer
from msgspec import UNSET

from keyhouse.cli import limit_words, output, values
from keyhouse.cli.house import House, opened
from keyhouse.control import keys, naming, objects, roles
from keyhouse.control.context import Caller, Control
from keyhouse.control.key_fields import KeyFields
from keyhouse.control.minting import Holder
from keyhouse.control.views import KeyView
from keyhouse.domain.errors import invalid
from keyhouse.domain.keys import KeyKind

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)

KeyName = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, or its name where only one key has it.")]
Project = Annotated[str | None, typer.Option(help="A project, by id or name. The Default project, if not given.")]
InProject = Annotated[str | None, typer.Option("--project", help="Look for the key in this project, by id or name.")]
Account = Annotated[str | None, typer.Option(help="A service account of the project, by id or name.")]
Admin = Annotated[bool, typer.Option("--admin", help="An admin key: for the administration API, not for models.")]
Permissions = Annotated[
    str | None, typer.Option(help="all, read_only, a JSON object, or resources such as chat=write,models=read.")
]
Models = Annotated[str | None, typer.Option(help="Names and globs of models with commas; '' allows no model.")]
AllowIp = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="An address or CIDR to be used from; repeatable. '' allows none."),
]
Role = Annotated[
    str | None, typer.Option(help="Of an admin key: a role of the organization that it is cut to, by id or name.")
]
Scopes = Annotated[str | None, typer.Option(help="Of an admin key: permissions that it is cut to, with commas.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the shape of the API.")]

Verb = Callable[[Control, Caller, str | None, str], KeyView]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    project: Project = None,
    service_account: Account = None,
    admin: Admin = False,
    permissions: Permissions = None,
    models: Models = None,
    expires_in: Annotated[str | None, typer.Option(help="When it expires: 1h, 30d, 1y. Never, if not given.")] = None,
    allow_ip: AllowIp = None,
    rate_limit: limit_words.OfKey = None,
    tag: values.Tags = None,
    role: Role = None,
    scopes: Scopes = None,
    as_json: AsJson = False,
) -> None:
    """Creates a key and prints its secret, once."""
    given = KeyFields(
        name=name,
        permissions=UNSET if permissions is None else values.permissions(permissions),
        models=UNSET if models is None else values.names(models),
        expires_in_seconds=UNSET if expires_in is None else values.duration(expires_in, "--expires-in"),
        ip_allowlist=_allowlist(allow_ip),
        rate_limits=UNSET if rate_limit is None else limit_words.of_key(rate_limit),
        tags=values.tags_or_none(tag, none=False),
        scopes=UNSET if scopes is None else values.names(scopes),
    )
    _require_admin(role, scopes, uncut=False, admin=admin)
    with opened(ctx) as house:
        holder = _holder(house, project, service_account, admin=admin)
        created = keys.create(house.control, house.caller, holder, _with_role(house, given, role))
    _print_secret(created.view, created.value, as_json=as_json)
    output.say(f"Created key '{created.view.key.name}' ({created.view.key.id}). Its secret is not shown again.")


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    project: Project = None,
    admin: Admin = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most keys to show.")] = 100,
    after: Annotated[str | None, typer.Option(help="Go on after the key with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the keys of a project, or the admin keys, oldest first."""
    with opened(ctx) as house:
        project_id = None if admin else _project_id(house, project)
        page = keys.list_page(house.control, house.caller, project_id, after=after, limit=limit)
    if as_json:
        output.json([_object(item) for item in page.items])
    else:
        output.table(_HEADS, [_row(item) for item in page.items])
    if page.has_more:
        output.say(f"There are more: --after {page.items[-1].key.id}")


@app.command()
def show(
    ctx: typer.Context, key: KeyName, project: InProject = None, admin: Admin = False, as_json: AsJson = False
) -> None:
    """Shows a key, never its secret."""
    with opened(ctx) as house:
        project_id, key_id = _find(house, key, project, admin=admin)
        found = keys.show(house.control, house.caller, project_id, key_id)
    _print_key(found, as_json=as_json)


@app.command()
def update(
    ctx: typer.Context,
    key: KeyName,
    *,
    project: InProject = None,
    admin: Admin = False,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    permissions: Permissions = None,
    models: Models = None,
    any_model: Annotated[bool, typer.Option("--any-model", help="Lift the restriction to models.")] = False,
    expires_in: Annotated[str | None, typer.Option(help="When it expires, from now: 1h, 30d, 1y; or never.")] = None,
    allow_ip: AllowIp = None,
    any_ip: Annotated[bool, typer.Option("--any-ip", help="Lift the restriction to addresses.")] = False,
    rate_limit: limit_words.OfKey = None,
    tag: values.Tags = None,
    no_tags: values.NoTags = False,
    role: Role = None,
    scopes: Scopes = None,
    uncut: Annotated[bool, typer.Option("--uncut", help="An admin key may do what its person may.")] = False,
    as_json: AsJson = False,
) -> None:
    """Changes a key's name, permissions, models, expiry, addresses, rate limits or tags, or what an admin key is cut to."""
    if uncut and (role is not None or scopes is not None):
        raise invalid("--uncut", "'--uncut' excludes '--role' and '--scopes'.")
    _require_admin(role, scopes, uncut=uncut, admin=admin)
    if any_model and models is not None:
        raise invalid("--any-model", "'--models' and '--any-model' exclude each other.")
    if any_ip and allow_ip:
        raise invalid("--any-ip", "'--allow-ip' and '--any-ip' exclude each other.")
    expiry = None if expires_in in {None, "never"} else values.duration(expires_in or "", "--expires-in")
    given = KeyFields(
        name=UNSET if name is None else name,
        permissions=UNSET if permissions is None else values.permissions(permissions),
        models=None if any_model else UNSET if models is None else values.names(models),
        expires_in_seconds=UNSET if expires_in is None else expiry,
        ip_allowlist=None if any_ip else _allowlist(allow_ip),
        rate_limits=UNSET if rate_limit is None else limit_words.of_key(rate_limit),
        tags=values.tags_or_none(tag, none=no_tags),
        scopes=None if uncut else UNSET if scopes is None else values.names(scopes),
        role_id=None if uncut else UNSET,
    )
    with opened(ctx) as house:
        project_id, key_id = _find(house, key, project, admin=admin)
        changed = keys.update(house.control, house.caller, project_id, key_id, _with_role(house, given, role))
    _print_key(changed, as_json=as_json)


@app.command()
def rotate(
    ctx: typer.Context,
    key: KeyName,
    *,
    project: InProject = None,
    admin: Admin = False,
    grace: Annotated[str, typer.Option(help="How long the old secret works on: 0 to 30d.")] = "0",
    as_json: AsJson = False,
) -> None:
    """Gives a key a new secret and prints it, once; the old one works until the grace ends."""
    seconds = values.duration(grace, "--grace")
    with opened(ctx) as house:
        project_id, key_id = _find(house, key, project, admin=admin)
        rotated = keys.rotate(house.control, house.caller, project_id, key_id, grace_seconds=seconds)
    _print_secret(rotated.view, rotated.value, as_json=as_json)
    ends = output.moment(rotated.previous_valid_until)
    output.say(f"Rotated key '{rotated.view.key.name}' ({key_id}). The old secret works until {ends}.")


@app.command()
def disable(
    ctx: typer.Context, key: KeyName, project: InProject = None, admin: Admin = False, as_json: AsJson = False
) -> None:
    """Refuses a key until it is enabled."""
    _apply(ctx, keys.disable, key, project, admin=admin, as_json=as_json)


@app.command()
def enable(
    ctx: typer.Context, key: KeyName, project: InProject = None, admin: Admin = False, as_json: AsJson = False
) -> None:
    """Ends a disablement or a quarantine."""
    _apply(ctx, keys.enable, key, project, admin=admin, as_json=as_json)


@app.command()
def revoke(
    ctx: typer.Context, key: KeyName, project: InProject = None, admin: Admin = False, as_json: AsJson = False
) -> None:
    """Refuses a key for good."""
    _apply(ctx, keys.revoke, key, project, admin=admin, as_json=as_json)


@app.command()
def delete(
    ctx: typer.Context, key: KeyName, project: InProject = None, admin: Admin = False, as_json: AsJson = False
) -> None:
    """Refuses a person's key for good and takes it out of every list."""
    _apply(ctx, keys.delete, key, project, admin=admin, as_json=as_json)


def _allowlist(given: list[str] | None) -> object:
    """All of it, as it was given: every option may hold several, with commas between them."""
    return [entry for text in given for entry in values.names(text)] if given else UNSET


def _apply(ctx: typer.Context, verb: Verb, key: str, project: str | None, *, admin: bool, as_json: bool) -> None:
    with opened(ctx) as house:
        project_id, key_id = _find(house, key, project, admin=admin)
        changed = verb(house.control, house.caller, project_id, key_id)
    _print_key(changed, as_json=as_json)


def _holder(house: House, project: str | None, service_account: str | None, *, admin: bool) -> Holder:
    if admin:
        if project is not None or service_account is not None:
            raise invalid("--admin", "An admin key belongs to no project and no service account.")
        return Holder(KeyKind.ADMIN)
    project_id = _project_id(house, project)
    if service_account is None:
        return Holder(KeyKind.USER, project_id)
    account = naming.find_service_account(house.control, house.caller, project_id, service_account)
    return Holder(KeyKind.SERVICE_ACCOUNT, project_id, service_account_id=account.id)


def _require_admin(role: str | None, scopes: str | None, *, uncut: bool, admin: bool) -> None:
    if not admin and (uncut or role is not None or scopes is not None):
        raise invalid("--admin", "'--role', '--scopes' and '--uncut' are of admin keys: give '--admin' too.")


def _with_role(house: House, given: KeyFields, role: str | None) -> KeyFields:
    return given if role is None else replace(given, role_id=roles.find(house.control, house.caller, None, role).id)


def _project_id(house: House, project: str | None) -> str:
    if project is None:
        return naming.default_project(house.control, house.caller).id
    return naming.find_project(house.control, house.caller, project).id


def _find(house: House, key: str, project: str | None, *, admin: bool) -> tuple[str | None, str]:
    """(project id, None for an admin key; key id) of the key that is meant."""
    kinds: Sequence[KeyKind] = (KeyKind.ADMIN,) if admin else tuple(KeyKind)
    project_id = None if project is None else _project_id(house, project)
    found = naming.find_key(house.control, house.caller, key, project_id=project_id, kinds=kinds)
    return found.project_id, found.id


_HEADS = ("ID", "NAME", "KEY", "OWNER", "STATUS", "CREATED", "LAST USED", "EXPIRES")


def _row(item: KeyView) -> list[str | None]:
    key = item.key
    used, expires = output.moment(key.last_used_at), output.moment(key.expires_at)
    owner = item.owner.email or item.owner.name
    return [key.id, key.name, key.redacted, owner, item.status.value, output.moment(key.created_at), used, expires]


def _object(item: KeyView) -> dict[str, object]:
    return objects.admin_key(item) if item.key.kind is KeyKind.ADMIN else objects.project_key(item)


def _print_secret(item: KeyView, value: str, *, as_json: bool) -> None:
    if as_json:
        output.json({**_object(item), "value": value})
    else:
        output.secret(value)


def _print_key(item: KeyView, *, as_json: bool) -> None:
    if as_json:
        output.json(_object(item))
        return
    key = item.key
    if key.kind is KeyKind.ADMIN:
        cut = [word for word in (key.role_id, *(key.scopes or ())) if word is not None]
        output.table(_HEADS, [_row(item)])
        output.say(f"May do what its person may{', cut to ' + ', '.join(cut) if cut else ''}.")
        return
    models = "any" if key.models is None else ", ".join(key.models) or "none"
    granted = key.permissions.as_json()
    facts = granted if isinstance(granted, str) else ", ".join(f"{r}={a}" for r, a in granted.items()) or "none"
    output.table(_HEADS, [_row(item)])
    limits = "none" if key.rate_limits is None else limit_words.sentence(key.rate_limits.given)
    tags = f" Tags: {values.tag_words(item.tags)}." if item.tags else ""
    allowed = "any" if key.ip_allowlist is None else ", ".join(key.ip_allowlist) or "none"
    output.say(f"Permissions: {facts}. Models: {models}. Addresses: {allowed}. Rate limits: {limits}.{tags}")
