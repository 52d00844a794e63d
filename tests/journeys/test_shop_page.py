"""Shopping in a real Chromium the size of a phone, without JavaScript: from a post to paid."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from chassis.clock import SystemClock
from chassis.testing.programs import chromium_environment, find_chromium, run_directory
from sixfold.client import Clients
from sixfold.shop import TENANT
from sixfold.shop_window import HOST, MALL_HOST, SETTINGS, dress
from sixfold.stack import Stack, clients_of

pytestmark = [pytest.mark.journey, pytest.mark.servers, pytest.mark.browser]

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 390, "height": 844}
PICTURE = "SIXFOLD_SHOP_SCREENSHOT"
PATIENCE_MS = 30_000
TOUCH = 44
BUYER = {"name": "A. Buyer", "phone": "+852 5123 4567", "address": "1 Queen's Road, Hong Kong"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A running stack with two shops."""

    clients: Clients
    post: str
    shop: str
    mall: str


@dataclass(kw_only=True, slots=True)
class Phone:
    """A page on a phone, and what its console said."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    """Give two shops on real workers, relays, a broker and the provider's simulator."""
    directory = run_directory() / f"shops-{os.getpid()}"
    with Stack(directory, start_at=SystemClock().now(), told=SETTINGS) as stack:
        clients = clients_of(stack.addresses.urls, stack.token, TENANT)
        path = dress(clients, stack)
        port = stack.addresses.urls["commerce"].rpartition(":")[2]
        shop = f"http://{HOST}:{port}"
        mall = f"http://{MALL_HOST}:{port}/mall"
        yield Window(clients=clients, post=shop + path, shop=shop, mall=mall)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=str(find_chromium()),
            args=FLAGS,
            env={**os.environ, **chromium_environment()},
        )


@pytest.fixture
def phone(browser: Browser) -> Iterator[Phone]:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="en-US")
    context.set_default_timeout(PATIENCE_MS)
    yield _opened(context)
    context.close()


def _opened(context: BrowserContext) -> Phone:
    found = Phone(page=context.new_page())
    found.page.on("console", lambda line: found.said.append(line.text))
    found.page.on("request", lambda request: found.asked.append(request.url))
    return found


def fill(page: Page) -> None:
    page.get_by_label("Recipient's name").fill(BUYER["name"])
    page.get_by_label("Phone").fill(BUYER["phone"])
    page.get_by_label("Address").fill(BUYER["address"])


def status(page: Page) -> Locator:
    return page.get_by_role("status")


def look_again_until(page: Page, said: str) -> None:
    """Look at an order's page again, as a buyer does, until it says what happened."""
    until = monotonic() + PATIENCE_MS / 1000
    while said not in status(page).inner_text():
        assert monotonic() < until, status(page).inner_text()
        page.get_by_role("link", name="Look again now").click()


@pytest.mark.requirement("Z10")
def test_from_a_post_in_one_click_to_the_buy_page_and_on_to_paid(
    window: Window, phone: Phone
) -> None:
    """Whoever wants what a post shows would have to look for it, and would give up."""
    page = phone.page
    page.goto(window.post)
    expect(page.locator("s").first).to_contain_text("HK$320")
    if PICTURE in os.environ:
        page.screenshot(path=Path(os.environ[PICTURE]))
    page.get_by_role("link", name="Buy 蓋碗 Porcelain gaiwan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your order")
    page.get_by_label("Quantity").select_option("2")
    fill(page)
    page.get_by_role("button", name="Order and pay").click()
    page.get_by_role("button", name="Pay HK$576").click()
    look_again_until(page, "Paid")
    assert page.url.startswith(f"{window.shop}/orders/")
    order = window.clients["commerce"].get(f"/v1/orders/{page.url.rpartition('/')[2]}")
    assert (order["status"], order["payment"]["status"]) == ("confirmed", "captured")
    assert order["total"] == {"amount": 57600, "currency": "HKD"}
    origin = order["origin"]
    assert (origin["platform"], origin["property"], origin["mode"]) == (
        "facebook",
        "lantern-fans",
        "page",
    )
    fulfilment = f"/v1/orders/{order['order_id']}/fulfilment"
    window.clients["commerce"].post(f"{fulfilment}/ship", {"carrier": "post"})
    page.reload()
    expect(status(page)).to_contain_text("On its way")
    others = {url for url in phone.asked if not url.startswith(window.shop) and "/pay/" not in url}
    assert {url for url in others if not url.startswith("data:")} == set()
    assert phone.said == []


def test_a_declined_payment_is_told_with_its_reason(window: Window, phone: Phone) -> None:
    """The buyer would wait for something that never comes."""
    page = phone.page
    page.goto(f"{window.shop}/products/oolong-tin")
    page.get_by_role("link", name="Buy 凍頂烏龍 Oolong, 150 g tin").click()
    fill(page)
    page.get_by_label("Mobile wallet").check()
    page.get_by_role("button", name="Order and pay").click()
    page.get_by_role("button", name="Simulate a declined card").click()
    look_again_until(page, "Not paid")
    expect(status(page)).to_contain_text("declined")
    page.get_by_role("link", name="Buy again").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Oolong")


@pytest.mark.requirement("C22")
def test_the_mall_leads_into_each_merchants_shop(window: Window, phone: Phone) -> None:
    """Two merchants under one roof could not be told apart."""
    page = phone.page
    page.goto(window.mall)
    shops = page.get_by_role("main").get_by_role("listitem")
    expect(shops).to_have_text(["燈籠茶 Lantern Tea", "紙月 Paper Moon"])
    shops.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("紙月 Paper Moon")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("link", name="Buy Paper moon card").click()
    fill(page)
    page.get_by_role("button", name="Order and pay").click()
    page.get_by_role("button", name="Pay HK$32").click()
    look_again_until(page, "Paid")
    assert page.url.startswith(f"{window.mall}/papermoon/orders/")


def test_a_cart_goes_from_the_product_page_to_paid(window: Window, phone: Phone) -> None:
    """Whoever wants two things would have to order, and pay a parcel, twice."""
    page = phone.page
    for name in ("jasmine-box", "puer-cake"):
        page.goto(f"{window.shop}/products/{name}")
        page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("combobox", name="Quantity: 普洱茶餅").select_option("2")
    page.get_by_role("button", name="Change quantity: 普洱茶餅").click()
    expect(page.get_by_role("main")).to_contain_text("HK$1,085")
    assert page.evaluate(TINY, TOUCH) == []
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(PALE) == []
    fill(page)
    page.get_by_role("button", name="Order and pay").click()
    page.get_by_role("button", name="Pay HK$1,085").click()
    look_again_until(page, "Paid")


def test_a_mistake_leads_back_to_its_field(window: Window, phone: Phone) -> None:
    """Somebody who listens to the page would not learn what was wrong, or where."""
    page = phone.page
    page.goto(f"{window.shop}/buy/gaiwan")
    fill(page)
    page.get_by_label("Phone").fill("1")
    page.get_by_role("button", name="Order and pay").click()
    summary = page.get_by_role("alert", name="Please check this first")
    summary.get_by_role("link", name="Enter a phone number.").click()
    wrong = page.get_by_role("textbox", name="Phone")
    assert wrong.get_attribute("aria-invalid") == "true"
    expect(wrong).to_have_accessible_description("Enter a phone number.")
    expect(page.get_by_label("Address")).to_have_value(BUYER["address"])


def test_every_page_can_be_used_by_ear_and_by_thumb(window: Window, browser: Browser) -> None:
    """A link without a name, a picture without words or a tiny button shuts people out."""
    context = browser.new_context(viewport=PHONE, locale="en-US")
    page = context.new_page()
    for url in (
        window.post,
        window.shop,
        f"{window.shop}/products/gaiwan",
        f"{window.shop}/buy/gaiwan",
        window.mall,
        f"{window.shop}/products/nothing",
    ):
        page.goto(url)
        assert page.get_by_role("heading", level=1).count() == 1, url
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], url
        assert page.evaluate(NAMELESS) == [], url
        assert page.evaluate(TINY, TOUCH) == [], url
        assert page.evaluate(PALE) == [], url
    page.goto(f"{window.shop}/buy/gaiwan")
    outline = page.get_by_role("main").aria_snapshot()
    for part in (
        '- heading "Your order" [level=1]',
        '- combobox "Quantity"',
        '- group "Delivery"',
        '- textbox "Recipient\'s name"',
        '- radio "Credit or debit card" [checked]',
        '- button "Order and pay"',
    ):
        assert part in outline
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    context.close()


NAMELESS = """() => [...document.querySelectorAll("a, button, select, input, nav, img, video")]
    .filter(one => one.type !== "hidden")
    .filter(one => !(one.getAttribute("aria-label") || one.labels?.length || one.alt
        || one.innerText || "").toString().trim())
    .map(one => one.outerHTML.slice(0, 80))"""
TINY = """least => [...document.querySelectorAll("a, button, select, input")]
    .filter(one => one.type !== "hidden" && !one.classList.contains("skip"))
    .map(one => [one.closest("label") ?? one, one.outerHTML.slice(0, 80)])
    .filter(([one]) => one.getBoundingClientRect().height < least
        || one.getBoundingClientRect().width < least)
    .map(([, text]) => text)"""
# WCAG 2.2, 1.4.3: text against the nearest ground that is not transparent, 4.5 to 1.
PALE = """() => {
    const parts = text => text.match(/[0-9.]+/g).map(Number)
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0)
    const ground = one => {
        for (let at = one; at; at = at.parentElement) {
            const colour = parts(getComputedStyle(at).backgroundColor)
            if (colour.length < 4 || colour[3] === 1) return colour
        }
        return [255, 255, 255]
    }
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    return [...document.querySelectorAll("body *")]
        .filter(one => [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
        .map(one => [one, parts(getComputedStyle(one).color)])
        .filter(([one, ink]) => contrast(light(ink), light(ground(one))) < 4.5)
        .map(([one]) => one.outerHTML.slice(0, 80))
}"""
