"""Where a certificate is active, a connection that shows none calls no model."""

from __future__ import annotations

import json

import pytest

from keyhouse.control import certificates, projects
from tests.api.pem import authority
from tests.edge.raw import Raw, get
from tests.houses import RunningHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_activating_a_certificate_closes_the_project_at_once_and_deactivating_opens_it(
    house: RunningHouse,
) -> None:
    project = house.facts.project_id
    made = await house.do(certificates.upload, authority(), "Corporate")
    other = (await house.do(projects.create, "Other")).id
    elsewhere = (await house.key(other)).value.encode()
    request = get(b"/v1/models", house.bearer.strip())
    async with Raw(house.port) as kept:
        assert (await kept.ask(request)).status == 200
        for place in (project, None):
            await house.do(certificates.activate, place, [made.certificate.id])
            refused = await kept.ask(request)
            assert (refused.status, refused.code) == (403, "client_certificate_required")
            assert project in json.loads(refused.body)["error"]["message"]
            answer = await kept.ask(get(b"/v1/models", b"authorization: Bearer " + elsewhere))
            assert answer.status == (200 if place else 403)
            await house.do(certificates.deactivate, place, [made.certificate.id])
            assert (await kept.ask(request)).status == 200
