"""Client certificates are uploaded, and calls must show one where they are active."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from keyhouse.control import certificates, projects
from keyhouse.control.certificates import CertificateView
from keyhouse.domain.audit import EventType
from keyhouse.domain.certificates import MAX_CERTIFICATES
from keyhouse.domain.errors import ErrorCode, KeyhouseError
from keyhouse.policy.client_certificates import load_anchors
from keyhouse.store.contract import ChangeKind
from tests.api.pem import authority, private_key
from tests.control.houses import NOW, House

STORES = ("sqlite", "postgres")
THEN = datetime.fromtimestamp(NOW, UTC)


def upload(house: House, name: str = "Corporate", content: str | None = None) -> CertificateView:
    return certificates.upload(house.control, house.caller, authority(THEN) if content is None else content, name)


def refused(attempt: Callable[[], object]) -> KeyhouseError:
    with pytest.raises(KeyhouseError) as error:
        attempt()
    return error.value


def active(house: House, project_id: str | None = None) -> list[str]:
    page = certificates.list_page(house.control, house.caller, project_id, limit=1000)
    return [item.certificate.id for item in page.items if item.active]


def test_an_uploaded_certificate_is_active_nowhere(house: House) -> None:
    made = upload(house)
    assert (made.active, made.certificate.valid_at < NOW < made.certificate.expires_at) == (False, True)
    assert certificates.show(house.control, house.caller, made.certificate.id) == made
    assert load_anchors(house.store) == {}
    created = house.events()[-1]
    assert (created.type, created.details) == (EventType.CERTIFICATE_CREATED, {"name": "Corporate"})


def test_certificates_are_active_in_the_organization_and_in_projects_each_by_itself(house: House) -> None:
    one = upload(house).certificate.id
    house.clock.now += 1
    two = upload(house, "Two").certificate.id
    other = projects.create(house.control, house.caller, "Other").id
    certificates.activate(house.control, house.caller, None, [one, two])
    assert house.changes()[-1].kind is ChangeKind.CERTIFICATES
    certificates.activate(house.control, house.caller, other, [one, one])
    assert (set(active(house)), active(house, other), active(house, house.project_id)) == ({one, two}, [one], [])
    assert load_anchors(house.store).keys() == {house.caller.organization_id, other}
    certificates.activate(house.control, house.caller, other, [one])
    certificates.deactivate(house.control, house.caller, None, [one, two])
    assert (active(house), active(house, other)) == ([], [one])
    event = house.events()[-1]
    assert event.type is EventType.CERTIFICATES_DEACTIVATED
    assert [item["id"] for item in event.details["certificates"]] == [one, two]  # type: ignore[attr-defined]


def test_all_of_the_named_certificates_are_activated_or_none(house: House) -> None:
    one = upload(house).certificate.id
    before = house.events()
    attempt = partial(certificates.activate, house.control, house.caller, None)
    assert refused(lambda: attempt([one, "cert_none"])).code is ErrorCode.NOT_FOUND
    for ids in ([], "cert", [one] * 11, [3], None, {"id": one}):
        error = refused(partial(attempt, ids))
        assert error.code is ErrorCode.INVALID_VALUE
        assert str(error.param).startswith("certificate_ids")
    assert (active(house), house.events()) == ([], before)


def test_a_certificate_is_deleted_where_it_is_active_nowhere(house: House) -> None:
    made = upload(house).certificate
    certificates.activate(house.control, house.caller, house.project_id, [made.id])
    error = refused(partial(certificates.delete, house.control, house.caller, made.id))
    assert (error.code, house.project_id in error.message) == (ErrorCode.CONFLICT, True)
    certificates.deactivate(house.control, house.caller, house.project_id, [made.id])
    certificates.delete(house.control, house.caller, made.id)
    assert house.events()[-1].details == {"name": "Corporate", "certificate": made.content}
    assert refused(partial(certificates.show, house.control, house.caller, made.id)).code is ErrorCode.NOT_FOUND


def test_a_certificate_is_renamed_and_nothing_else(house: House) -> None:
    made = upload(house)
    changed = certificates.update(house.control, house.caller, made.certificate.id, "Компания 🔑")
    assert (changed.certificate.name, changed.certificate.content) == ("Компания 🔑", made.certificate.content)
    for name in ("", "n" * 10_000, "a\x00b", 3, None):
        error = refused(partial(certificates.update, house.control, house.caller, made.certificate.id, name))
        assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "name")


def test_certificates_page_newest_first_and_oldest_first(house: House) -> None:
    made = []
    for number in range(3):
        house.clock.now += 1
        made.append(upload(house, str(number)).certificate.id)
    listed = partial(certificates.list_page, house.control, house.caller, None)
    assert [item.certificate.id for item in listed(limit=2).items] == [made[2], made[1]]
    page = listed(after=made[1], limit=2)
    assert ([item.certificate.id for item in page.items], page.has_more) == ([made[0]], False)
    assert [item.certificate.id for item in listed(newest_first=False).items] == made
    assert (listed(limit=0).items, listed(limit=0).has_more) == ((), True)
    assert refused(lambda: listed(after="cert_none")).param == "after"


def test_what_is_no_certificate_is_refused_and_not_repeated(house: House) -> None:
    good, secret = authority(THEN), private_key()
    expired = authority(THEN - timedelta(days=20_000))
    bad: list[object] = [
        "", "cert", 3, None, [], good + good, good[:200], good.replace("MI", "XX", 1), "x" * 1_000_000, expired,
        secret, good + secret, f"before {good}", f"{good} after", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ]  # fmt: skip
    before = house.events()
    for content in bad:
        error = refused(partial(certificates.upload, house.control, house.caller, content))
        assert (error.code, error.param) == (ErrorCode.INVALID_VALUE, "certificate")
        assert secret[40:60] not in error.message
        assert len(error.message) < 300
    assert house.events() == before


def test_a_certificate_is_there_once_and_fifty_are_enough(house: House) -> None:
    content = authority(THEN)
    upload(house, content=f"\n{content}\r\n ")
    assert refused(lambda: upload(house, content=content)).param == "certificate"
    for number in range(MAX_CERTIFICATES - 1):
        upload(house, str(number))
    assert refused(lambda: upload(house)).code is ErrorCode.CONFLICT
