"""The page in a real browser: live, and down to the events."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from chassis.testing.programs import ServerMissing, chromium_environment, find_chromium
from chassis.wsgi import server
from four_logs import FourLogs, mention, tell
from loop_service import LoopUnderTest

pytestmark = pytest.mark.browser
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
def address(service: LoopUnderTest) -> Iterator[str]:
    web = server(service.app, "127.0.0.1", 0, threads=8)
    web.shutdown_timeout = 2
    web.prepare()
    threading.Thread(target=web.serve, daemon=True).start()
    yield f"http://127.0.0.1:{web.bind_addr[1]}"
    service.stopping = True
    web.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    try:
        chromium = str(find_chromium())
    except ServerMissing as missing:
        pytest.skip(str(missing))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=_FLAGS, env={**chromium_environment()}
        )
        opened = browser.new_page(viewport={"width": 390, "height": 844})
        opened.problems = []  # type: ignore[attr-defined]  # a place for what the console says
        opened.on("console", lambda line: opened.problems.append(line.text))  # type: ignore[attr-defined]  # as above
        yield opened
        with suppress(Exception):
            browser.close()


def test_the_stages_change_while_one_looks_and_open_down_to_events(
    page: Page, address: str, service: LoopUnderTest, logs: FourLogs, tmp_path: Path
) -> None:
    """Otherwise a stranger sees old numbers, or numbers without their facts."""
    tell(logs)
    service.take()
    page.goto(f"{address}/?token={service.token()}")
    volume = page.locator('[data-number="mention_volume"]')
    expect(volume).to_have_text("4")
    for source, name, data, hours in mention(9, "positive", 30):
        logs.add(source, name, data, hours=hours)
    service.take()
    expect(volume).to_have_text("5", timeout=15_000)
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.screenshot(path=str(tmp_path / "loop.png"), full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    page.get_by_role("link", name="Gross merchandise value").click()
    page.locator("tbody a").first.click()
    expect(page.locator("h1")).to_contain_text("order_confirmed")
    refused = [line for line in page.problems if "Content Security Policy" in line]  # type: ignore[attr-defined]  # as above
    assert refused == []


def test_the_page_works_without_javascript(
    address: str, service: LoopUnderTest, logs: FourLogs
) -> None:
    """Otherwise whoever switches scripts off sees nothing."""
    tell(logs)
    service.take()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=_FLAGS)
        plain = browser.new_context(java_script_enabled=False).new_page()
        plain.goto(f"{address}/?token={service.token()}")
        plain.select_option("#cycle", "2026-W19")
        plain.get_by_role("button", name="Show").click()
        expect(plain.locator('[data-number="mention_volume"]')).to_have_text("4")
        browser.close()
