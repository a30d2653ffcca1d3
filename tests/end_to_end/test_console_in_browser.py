"""The console as a person sees it: in Chromium, on a desk and on a phone, by day and by night.

`SIGNKIT_SCREENSHOTS=FOLDER` (scripts/console-screenshots) keeps the pictures that the documentation
shows.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.browser import CONTRAST, chromium
from tests.support.console_world import damage_signature, fill_console
from tests.support.registry import running_registry
from tests.support.registry_api import calling

pytestmark = pytest.mark.server

DESK = {"width": 1200, "height": 800}
PHONE = {"width": 390, "height": 844}
SCREENS = {
    "desktop": (DESK, "light"),
    "desktop-dark": (DESK, "dark"),
    "phone": (PHONE, "light"),
    "phone-dark": (PHONE, "dark"),
}
SHOWN_HEIGHT = 1000
LEAST_CONTRAST = 4.5  # WCAG 2.2, level AA, text of any size


class World:
    """A registry with something to look at, and a browser."""

    def __init__(self, url, token, records, browser):
        self.url = url
        self.token = token
        self.browser = browser
        self.paths = {
            "releases": "/console",
            "release": f"/console/binaries/{_identity(records['released'])}",
            "refused": f"/console/binaries/{_identity(records['blocked'])}",
            "artifacts": "/console/artifacts",
            "bundle": f"/console/bundles/{_identity(records['bundle'])}",
            "key": f"/console/keys/{_identity(records['key'])}",
            "audit": "/console/audit",
            "nothing": "/console?q=no+such+thing",
            "missing": "/console/nowhere",
        }


def _identity(record):
    return record["prn"].rpartition(":")[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("console")
    with (
        chromium() as browser,
        running_registry(folder) as registry,
        calling(registry) as api,
    ):
        records = fill_console(registry, api, folder)
        damage_signature(registry, records["blocked"])
        yield World(registry.url, registry.token, records, browser)


# Both widths and both lights in the default suite; every pair of them in the sweep.
_LATER = {"desktop-dark", "phone"}


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.sweep] * (name in _LATER)) for name in SCREENS]
)
def screen(world, request):
    """A page that is logged in, in one size and one light; nothing foreign was asked for."""
    size, scheme = SCREENS[request.param]
    with world.browser.new_context(viewport=size, color_scheme=scheme) as context:
        context.set_default_timeout(60_000)
        page = context.new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda sent: asked.append(sent.url))
        page.goto(f"{world.url}/console")
        page.get_by_label("Token").fill(world.token)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Releases").wait_for()
        yield request.param, page
        # What the policy refuses, and what fails to load, the browser says there.
        assert [text for text in said if "404 (Not Found)" not in text] == []
        assert [url for url in asked if not url.startswith(f"{world.url}/console")] == []


def test_every_page_on_every_screen(world, screen, tmp_path):
    """Nothing is cut off, everything can be read, and who listens finds the way."""
    name, page = screen
    for each, path in world.paths.items():
        page.goto(world.url + path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width == page.viewport_size["width"], f"{each} is wider than the screen"
        faint = [found for found in page.evaluate(CONTRAST) if found[1] < LEAST_CONTRAST]
        assert faint == [], each
        check_structure(page)
        height = min(page.evaluate("document.documentElement.scrollHeight"), SHOWN_HEIGHT)
        page.screenshot(
            path=tmp_path / f"console-{each}-{name}.png",
            clip={"x": 0, "y": 0, "width": width, "height": height},
            full_page=True,
        )
    keep_pictures(tmp_path, name)


def check_structure(page):
    """Landmarks, one heading of the first level, a caption for each table, a name for each field."""
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    for table in page.get_by_role("table").all():
        assert table.locator("caption").inner_text()
        assert table.get_by_role("columnheader").count() or page.viewport_size == PHONE
        assert table.get_by_role("row").count() >= 1
    for field in page.locator("input:not([type=hidden])").all():
        assert page.locator(f"label[for={field.get_attribute('id')}]").count() == 1
    assert page.locator("img:not([alt])").count() == 0


def keep_pictures(folder, name):
    """Keep what the documentation shows."""
    kept = os.environ.get("SIGNKIT_SCREENSHOTS")
    shown = {"desktop": ("releases", "release"), "phone": ("releases",), "phone-dark": ("release",)}
    for each in shown.get(name, ()) if kept else ():
        picture = f"console-{each}-{name}.png"
        (Path(str(kept)) / picture).write_bytes((folder / picture).read_bytes())


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_from_the_list_to_who_signed(world, screen):
    """Search, open a release, follow its key; the way a person goes."""
    _name, page = screen
    page.get_by_label("Find a release").fill("SPEECH")
    page.get_by_role("button", name="Search").click()
    rows = page.get_by_role("row").filter(has_text="speech-model")
    assert rows.count() == 1
    assert page.get_by_text("vision-model").count() == 0
    rows.get_by_role("link", name="speech-model").click()
    assert page.get_by_role("heading", level=1).inner_text() == "speech-model 7.2.0"
    facts = page.locator("section[aria-labelledby=statement]").inner_text()
    assert "verified" in facts
    assert "2026-01-31 12:00:00 UTC" in facts
    page.get_by_role("row").get_by_role("link", name="prod").click()
    assert "glucose midsummer" in page.get_by_role("main").inner_text()


@pytest.mark.parametrize("screen", ["phone-dark"], indirect=True)
def test_a_signature_that_does_not_verify_is_seen(world, screen):
    _name, page = screen
    page.goto(world.url + world.paths["refused"])
    said = page.locator("section[aria-labelledby=signatures]").inner_text()
    assert "refused" in said
    assert "does not verify under key" in said
    page.goto(world.url + world.paths["bundle"])
    assert "a binary is refused" in page.get_by_role("main").inner_text()


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_the_keyboard_is_enough(world, screen):
    """Tab reaches the content at once; logging out needs no pointer."""
    _name, page = screen
    page.goto(f"{world.url}/console/keys")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Token").wait_for()
    page.goto(f"{world.url}/console/keys")
    assert page.url.endswith("/console/login?next=/console/keys")
