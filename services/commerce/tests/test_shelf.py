"""The shop's shelf: what can be bought first, and a way to all the rest."""

from typing import Any

import pytest
from sqlalchemy import event

from commerce import shelf
from shop_under_test import LIST, written
from shopper import SETTINGS, Seen, Shopper, published


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


def sold_out(shop: Any, many: int) -> None:
    shop.stocked(**{f"a{n:02}": 0 for n in range(many)})


def pages(shopper: Shopper) -> list[Seen]:
    """Follow the links to what comes next, as somebody without a script does."""
    seen = [shopper.get("/")]
    while more := [link for link, _ in _turns(seen[-1]) if f"page={len(seen) + 1}" in link]:
        seen.append(shopper.get(more[0]))
    return seen


def _turns(page: Seen) -> list[tuple[str, str]]:
    return [(link, page.text) for link in page.links_to("page=") if "lang=" not in link]


def shown(page: Seen) -> list[str]:
    return [link.rpartition("/")[2] for link in page.links_to("/products/")]


def test_what_can_be_bought_comes_first_and_the_rest_can_be_reached(shop: Any) -> None:
    """A shop with many products would show sixty that are sold out, and sell nothing."""
    sold_out(shop, 60)
    shop.stocked(zshirt=5)
    shop.settle()
    seen = pages(Shopper(shop))
    assert shown(seen[0])[0] == "zshirt"
    assert [link.partition("/buy/")[2] for link in seen[0].links_to("/buy/")] == ["zshirt"]
    everything = [sku for page in seen for sku in shown(page)]
    assert (len(everything), len(set(everything))) == (61, 61)
    assert [len(shown(page)) for page in seen] == [24, 24, 13]


def test_what_is_not_offered_now_is_behind_what_is(shop: Any) -> None:
    """Goods in stock that nobody may buy would stand before those that one can."""
    shop.stocked(a=5, b=5, c=5)
    shop.service.post("/v1/products/a/withdraw", {})
    past = {"valid_from": written(shop.service.clock.now().replace(year=2020))}
    body = {"sku": "d", "title": "d", "list": LIST, "sale": LIST, **past}
    ended = {"valid_to": written(shop.service.clock.now().replace(year=2021))}
    shop.service.post("/v1/products", {**body, **ended})
    shop.settle()
    assert shown(Shopper(shop).get("/")) == ["b", "c", "a", "d"]


def test_the_ways_to_other_pages_say_where_they_lead(shop: Any) -> None:
    """Who hears the page would hear bare numbers; in another language one would start anew."""
    sold_out(shop, 30)
    shop.settle()
    page = Shopper(shop).get("/?page=2&lang=en")
    assert '<nav class="pages" aria-label="More products">' in page.text
    assert 'rel="prev" href="/?lang=en&amp;page=1">Previous products</a>' in page.text
    assert "Page 2" in page.text.partition("</title>")[0]
    assert "?page=2&amp;lang=zh-Hant" in page.text


@pytest.mark.parametrize("named", ["0", "-1", "x", "99999999999999999999", "1'"])
def test_an_address_with_no_such_page_shows_the_first(shop: Any, named: str) -> None:
    """A link that somebody cut short would be an error, or a statement that the database dreads."""
    shop.stocked(shirt=1)
    shop.settle()
    assert shown(Shopper(shop).get(f"/?page={named}")) == ["shirt"]


def test_a_page_asks_no_more_of_a_large_shop_than_of_a_small_one(shop: Any) -> None:
    """The first page would get slower with each product that the shop lists."""
    sold_out(shop, shelf.PAGE + 1)
    shop.settle()
    few = _statements(shop)
    sold_out(shop, 3 * shelf.PAGE)
    shop.settle()
    assert _statements(shop) == few


def _statements(shop: Any) -> int:
    asked: list[str] = []
    engine = shop.service.storage.database.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert Shopper(shop).get("/").status == 200
    count = len(asked)
    asked.clear()
    return count


@pytest.mark.requirement("C14")
def test_a_product_that_another_channel_sells_says_so_instead_of_asking(site: Any) -> None:
    """Name, phone and address would be typed before the page says that it cannot be bought here."""
    shop, shopper = site.shop, Shopper(site.shop)
    site.announce(3, more_in_store=4, channel_exclusive="qzone")
    shop.stocked(zshirt=1)
    shop.settle()
    assert shown(shopper.get("/"))[0] == "zshirt"
    for path in ("/?lang=en", "/products/redmi?lang=en", "/buy/redmi?lang=en"):
        page = shopper.get(path)
        assert page.status == 200
        assert "For now sold on qzone only" in page.text
        assert 'aria-label="Buy redmi"' not in page.text
        assert 'name="address"' not in page.text

    there = shopper.get(published(shop, "redmi", platform="qzone"))
    (link,) = there.links_to("/buy/redmi")
    assert "目前只在" not in there.text + shopper.get(link).text
