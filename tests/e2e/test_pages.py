"""The pages of the house as a person sees them, in Chromium: an invitation that is accepted, and the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.house import House
from tests.fixtures.browser import CHROMIUM, WIDTHS, Watched, browser, opened

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="this machine has no Chromium")
in_every_window = pytest.mark.parametrize("width", WIDTHS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


def link(house: House, email: str) -> str:
    """Where an invitation leads, on the port that this house has."""
    sent = house.do_json("invites", "create", email, "--role", "reader")
    (url,) = (value for value in sent.values() if str(value).startswith("http"))
    return f"{house.url}{urlsplit(url).path}"


def is_sound(watched: Watched, house: House) -> bool:
    return (watched.faults, watched.hosts, watched.is_as_wide_as_its_window()) == (
        [],
        {urlsplit(house.url).netloc},
        True,
    )


@in_every_window
def test_a_person_joins_by_an_invitation_once(house: House, chromium: Browser, width: int) -> None:
    email = f"zoe{width}@example.com"
    url = link(house, email)
    with opened(chromium, width) as watched:
        page = watched.page
        page.goto(url)
        expect(page.get_by_role("heading", name="Join")).to_be_visible()
        expect(page.get_by_text(email)).to_be_visible()
        page.get_by_label("Your name").fill("Zoë <b>")
        page.get_by_label("A password").fill("short")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_label("A password")).to_be_visible()  # the browser itself asks for more
        page.get_by_label("A password").fill("a long password")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("heading", name="Welcome, Zoë <b>")).to_be_visible()
        assert is_sound(watched, house)
    assert [person["name"] for person in house.admin("GET", f"/users?emails={email}")["data"]] == ["Zoë <b>"]
    with opened(chromium, width) as again:
        again.page.goto(url)
        expect(again.page.get_by_role("alert")).to_contain_text("invitation")
        expect(again.page.get_by_role("button")).to_have_count(0)


@in_every_window
def test_an_invitation_stands_in_the_middle_of_its_window(house: House, chromium: Browser, width: int) -> None:
    with opened(chromium, width) as watched:
        watched.page.goto(link(house, f"mia{width}@example.com"))
        form = watched.page.get_by_role("main").bounding_box()
        assert form is not None
        assert form["width"] >= min(width, 480) - 32
        assert abs(form["x"] * 2 + form["width"] - width) <= 2


@in_every_window
@pytest.mark.parametrize("dark", [False, True])
def test_the_documentation_shows_every_operation(house: House, chromium: Browser, width: int, dark: bool) -> None:
    with opened(chromium, width, dark=dark) as watched:
        page = watched.page
        page.goto(f"{house.url}/docs")
        page.get_by_role("link", name="Data retention", exact=True).click()
        expect(page.get_by_role("heading", name="Show the organization's data retention")).to_be_in_viewport()
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
        assert is_sound(watched, house)
