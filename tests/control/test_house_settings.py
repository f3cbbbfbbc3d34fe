"""A start with other settings than the last one is in the audit: names, never values."""

from __future__ import annotations

from keyhouse.control.house_settings import remember
from keyhouse.domain.audit import EventType
from keyhouse.settings import Settings, differing
from tests.control.houses import House


def test_a_start_with_other_settings_is_noted_by_their_names(house: House) -> None:
    before = len(house.events())
    assert remember(house.control, house.caller, {}) == []
    url = "smtps://keyhouse:hunter2@mail.example.com"
    given = {"KEYHOUSE_SMTP_URL": url, "KEYHOUSE_PORT": "1", "KEYHOUSE_TLS_CERT_FILE": "/é"}
    assert remember(house.control, house.caller, given) == sorted(given)
    assert remember(house.control, house.caller, given) == []
    del given["KEYHOUSE_SMTP_URL"]
    assert remember(house.control, house.caller, {**given, "KEYHOUSE_PORT": "2"}) == [
        "KEYHOUSE_PORT",
        "KEYHOUSE_SMTP_URL",
    ]
    events = house.events()[before:]
    assert [event.type for event in events] == [EventType.SETTINGS_CHANGED] * 2
    assert events[1].details == {"settings": ["KEYHOUSE_PORT", "KEYHOUSE_SMTP_URL"]}
    assert not house.files_contain("hunter2")


def test_what_differs_is_what_is_not_the_default() -> None:
    assert differing(Settings()) == {}
    assert differing(Settings(port=1, local_model=False)) == {"KEYHOUSE_PORT": "1", "KEYHOUSE_LOCAL_MODEL": "False"}
