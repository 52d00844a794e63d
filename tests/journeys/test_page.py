"""The page of a running installation in a real Chromium."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from chassis.testing.programs import chromium_environment, find_chromium
from installation import Installation
from sixfold.report import STAGES
from sixfold.shop import TENANT

pytestmark = [pytest.mark.journey, pytest.mark.servers, pytest.mark.browser]

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE = {"width": 1280, "height": 900}
PICTURE = "SIXFOLD_SCREENSHOT"
LIVE_MS = 20_000


@dataclass(kw_only=True, slots=True)
class Opened:
    """A page, and what its console said."""

    page: Page
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield _launched(playwright)


def _launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=str(find_chromium()),
        args=FLAGS,
        env={**os.environ, **chromium_environment()},
    )


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    context = browser.new_context(viewport=WIDE)
    found = Opened(page=context.new_page())
    found.page.on("console", lambda line: found.said.append(f"{line.type}: {line.text}"))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    yield found
    context.close()


def address(installation: Installation) -> str:
    """Return the link that the demonstration prints."""
    token = installation.stack.token(TENANT, "you", ["loop.read"])
    return f"{installation.stack.addresses.urls['loop']}/?token={token}"


def number_on(page: Page, name: str) -> int:
    return int(page.locator(f'[data-number="{name}"]').inner_text().replace(",", ""))


def test_six_stages_are_shown_and_go_on_by_themselves(
    installation: Installation, opened: Opened
) -> None:
    """A stranger would look at numbers of a moment ago, or at an error in the console."""
    installation.settle()
    page = opened.page
    page.goto(address(installation))
    for stage in STAGES:
        card = page.locator(f"section#{stage}")
        expect(card).to_be_visible()
        expect(card.locator("[data-number]").first).not_to_be_empty()
    page.evaluate("window.stayed = true")
    before = number_on(page, "mention_volume")
    installation.mention("Lantern Tea, and the page has not been loaded again")
    volume = page.locator('[data-number="mention_volume"]')
    expect(volume).to_have_text(f"{before + 1:,}", timeout=LIVE_MS)
    placed = page.locator('[data-number="orders"] li', has_text="placed")
    orders = int(placed.inner_text().split()[-1])
    installation.order()
    expect(placed).to_contain_text(str(orders + 1), timeout=LIVE_MS)
    assert page.evaluate("window.stayed") is True
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]
    assert opened.said == []
    if PICTURE in os.environ:
        page.screenshot(path=Path(os.environ[PICTURE]), full_page=True)


def test_a_number_opens_down_to_its_events_and_an_event_to_its_envelope(
    installation: Installation, opened: Opened
) -> None:
    """A number that nobody can check would have to be believed."""
    installation.settle()
    page = opened.page
    page.goto(address(installation))
    page.get_by_role("link", name="Mentions", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mentions")
    rows = page.get_by_role("region", name="Events").get_by_role("row")
    assert rows.count() > 30
    expect(rows.nth(1)).to_contain_text("mention_detected")
    rows.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("mention_detected")
    envelope = page.locator("dl.facts").inner_text()
    assert all(name in envelope for name in ("tenant", "stream", "version", "position", TENANT))
    page.get_by_role("link", name="Back to the loop").click()
    expect(page.locator("section#listen")).to_be_visible()
    assert opened.said == []


def test_everything_that_can_be_used_has_a_name(installation: Installation, opened: Opened) -> None:
    """Somebody who listens to the page would hear "link" and "button" only."""
    page = opened.page
    page.goto(address(installation))
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            "a, button, select, input:not([type=hidden]), section, nav, [role]")]
        .filter(one => !(one.getAttribute("aria-label") || one.labels?.length
            || document.getElementById(one.getAttribute("aria-labelledby"))?.innerText
            || one.innerText || "").toString().trim())
        .map(one => one.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    expect(page.get_by_role("combobox", name="Cycle")).to_be_visible()
    expect(page.get_by_role("navigation", name="The six stages")).to_be_visible()
    for title in ("Listen", "Segment", "Content", "Ad", "CRM", "Commerce"):
        expect(page.get_by_role("region", name=title, exact=False).first).to_be_visible()


def test_the_page_works_with_scripts_switched_off(
    installation: Installation, browser: Browser
) -> None:
    """Whoever switches scripts off would see an empty page."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(installation))
    everything = number_on(page, "mention_volume")
    page.get_by_role("combobox", name="Cycle").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    assert number_on(page, "mention_volume") < everything
    page.get_by_role("link", name="Mentions", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mentions")
    context.close()
