"""Where people reach a house: as it is set, or as it listens."""

from __future__ import annotations

import pytest

from keyhouse.settings import SettingsError, load


@pytest.mark.parametrize(
    ("environment", "reached_at"),
    [
        ({}, "http://127.0.0.1:8585"),
        ({"KEYHOUSE_HOST": "::1", "KEYHOUSE_PORT": "80"}, "http://[::1]:80"),
        ({"KEYHOUSE_TLS_CERT_FILE": "c.pem", "KEYHOUSE_TLS_KEY_FILE": "k.pem"}, "https://127.0.0.1:8585"),
        ({"KEYHOUSE_PUBLIC_URL": "https://keys.example.com/house/"}, "https://keys.example.com/house"),
    ],
)
def test_links_begin_with_where_the_house_is_reached(environment: dict[str, str], reached_at: str) -> None:
    assert load(environment)[0].reached_at == reached_at


@pytest.mark.parametrize(
    "wrong", ["keys.example.com", "ftp://keys.example.com", "https://", "https://a@b.example", "https://b.example?x=1"]
)
def test_what_is_no_place_for_people_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="KEYHOUSE_PUBLIC_URL cannot be"):
        load({"KEYHOUSE_PUBLIC_URL": wrong})
