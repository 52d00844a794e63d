"""Signing in with a real Chromium, at a real issuer, to the loop over TLS."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from chassis.testing.issuer import PrivateIssuer
from chassis.testing.programs import (
    ServerMissing,
    chromium_environment,
    find_chromium,
    run_directory,
)
from four_logs import MONDAY, FourLogs, tell
from loop.session import CALLBACK
from loop_site import CLIENT, PERSON, LoopSite, page_port

pytestmark = pytest.mark.browser
PORT = page_port()
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--no-first-run",
]  # fmt: skip
SLOWEST = 60_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LoopSite]:
    client = {"secret": "page", "redirect_uris": [f"https://127.0.0.1:{PORT}{CALLBACK}"]}
    place = run_directory() / f"browser-issuer-{os.getpid()}"
    with PrivateIssuer(place, clients={CLIENT: client}, users={"ada": PERSON}) as issuer:
        logs = tell(FourLogs(tmp_path))
        site = LoopSite(tmp_path, logs, MONDAY, issuer, PORT)
        site.start()
        yield site
        site.close()
        logs.close()


@pytest.fixture
def said() -> list[str]:
    """Collect what the browser's console says."""
    return []


@pytest.fixture
def page(said: list[str]) -> Iterator[Page]:
    try:
        chromium = str(find_chromium())
    except ServerMissing as missing:
        pytest.skip(str(missing))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=FLAGS, env={**chromium_environment()}
        )
        opened = browser.new_context(ignore_https_errors=True).new_page()
        opened.set_default_timeout(SLOWEST)
        opened.on("console", lambda line: said.append(line.text))
        yield opened
        browser.close()


def test_somebody_signs_in_looks_signs_out_and_is_out(
    page: Page, site: LoopSite, said: list[str]
) -> None:
    """What a program can do, a person with a browser could not."""
    page.goto(f"{site.url}/numbers/gmv?cycle=2026-W19", timeout=SLOWEST)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(str(PERSON["password"]))
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("h1")).to_contain_text("Gross merchandise value", timeout=SLOWEST)
    expect(page.locator(".who")).to_contain_text("Ada of Acme · acme")
    cookie = next(one for one in page.context.cookies() if one["name"] == "__Host-session")
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
    assert page.evaluate("document.cookie") == ""

    page.goto(f"{site.url}/", timeout=SLOWEST)
    expect(page.locator('[data-number="mention_volume"]')).to_be_visible(timeout=SLOWEST)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("You are signed out", timeout=SLOWEST)
    page.goto(f"{site.url}/", timeout=SLOWEST)
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=SLOWEST)
    assert [line for line in said if "Content Security Policy" in line] == []


def test_an_expired_session_asks_again(page: Page, site: LoopSite) -> None:
    """A page that was left open would show a company's numbers to whoever comes by."""
    page.goto(f"{site.url}/sign-in", timeout=SLOWEST)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(str(PERSON["password"]))
    page.get_by_role("button", name="Allow").click()
    expect(page.locator(".who")).to_contain_text("acme", timeout=SLOWEST)
    site.clock.advance(timedelta(hours=2))
    page.goto(f"{site.url}/", timeout=SLOWEST)
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=SLOWEST)
    expect(page.locator("body")).not_to_contain_text("acme")
