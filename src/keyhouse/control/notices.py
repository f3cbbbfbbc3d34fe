"""Notices that were or are to be sent for the organization, and the secret that its webhooks are signed with."""

from __future__ import annotations

from keyhouse.control.authority import needs
from keyhouse.control.context import Caller, Control
from keyhouse.control.events import event
from keyhouse.domain.audit import EventType
from keyhouse.domain.authority import Permission
from keyhouse.domain.errors import not_found
from keyhouse.domain.notices import Notice, NoticeState, new_webhook_secret, seal_context
from keyhouse.store.contract import Listed, Page


@needs(Permission.NOTICES_READ)
def list_page(
    control: Control,
    caller: Caller,
    *,
    state: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = 20,
) -> Listed[Notice]:
    """Notices, newest first, of every state or of one (`waiting`, `delivered`, `failed`)."""
    with control.store.read() as tx:
        wanted = None if state is None else NoticeState(state)
        return tx.notices.list(caller.organization_id, wanted, Page(after, limit, before=before))


@needs(Permission.NOTICES_READ)
def show(control: Control, caller: Caller, notice_id: str) -> Notice:
    """One notice. Raises `not_found`."""
    with control.store.read() as tx:
        found = tx.notices.get(caller.organization_id, notice_id)
    if found is None:
        raise not_found("notice", notice_id)
    return found


@needs(Permission.NOTICES_WRITE)
def new_secret(control: Control, caller: Caller) -> str:
    """A new secret, shown this one time. The next attempt of every webhook is signed with it, and no more with the one before."""
    now = control.clock()
    secret = new_webhook_secret()
    sealed = control.sealer.seal(secret.encode(), seal_context(caller.organization_id))
    with control.store.write() as tx:
        tx.webhook_secrets.put(caller.organization_id, sealed, now)
        tx.audit.append(event(caller, now, EventType.WEBHOOK_SECRET_CREATED, caller.organization_id, details={}))
    return secret


def notice(item: Notice) -> dict[str, object]:
    """`organization.notice`, an object of ours."""
    return {
        "object": "organization.notice",
        "id": item.id,
        "kind": item.kind.value,
        "destination": item.destination,
        "about": item.about,
        "subject": item.subject,
        "state": item.state.value,
        "created_at": item.created_at,
        "attempts": item.attempts,
        "next_attempt_at": item.next_attempt_at,
        "delivered_at": item.delivered_at,
        "failed_at": item.failed_at,
        "last_error": item.last_error,
    }
