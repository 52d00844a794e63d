"""What the storefront refuses: other sites' forms, other people's orders, other companies' data."""

import json
from typing import Any

import pytest

from shopper import HOST, MALL_HOST, OTHER_HOST, PIXEL, SETTINGS, WHO, Shopper, picture, published

ATTACK = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>"""


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shopper(shop: Any) -> Shopper:
    shop.stocked(shirt=20)
    shop.settle()
    return Shopper(shop)


def orders(shop: Any) -> int:
    return len(shop.service.happened("order_placed"))


def test_a_double_click_is_one_order(shop: Any, shopper: Shopper) -> None:
    """Somebody impatient would pay twice."""
    page = shopper.get("/buy/shirt")
    first, second = shopper.send(page, **WHO), shopper.send(page, **WHO)
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location
    assert orders(shop) == 1
    other = shopper.send(page, **WHO, qty="3")
    assert other.status == 422
    assert "已經送出過了" in other.text
    assert other.form.fields["form_token"] != page.form.fields["form_token"]
    assert shopper.send(other).status == 303
    assert orders(shop) == 2


@pytest.mark.parametrize("token", ["", "x", "x.y", "e30=.e30="])
def test_a_form_that_was_not_made_here_orders_nothing(
    shop: Any, shopper: Shopper, token: str
) -> None:
    """Another site could order in its visitors' names."""
    page = shopper.get("/buy/shirt")
    refused = shopper.send(page, **WHO, form_token=token)
    assert refused.status == 403
    assert WHO["address"] in refused.text
    assert orders(shop) == 0


def test_a_form_is_good_only_for_the_visitor_shop_and_address_it_was_made_for(
    shop: Any, shopper: Shopper
) -> None:
    """A form could be moved to another person, company or product."""
    shop.stocked(hat=9)
    shop.service.post("/v1/storefront", {"name": "Acme", "in_shared_mall": True})
    shop.settle()
    page, stranger = shopper.get("/buy/shirt"), Shopper(shop)
    stranger.get("/buy/shirt")
    fields = {**page.form.fields, **WHO}
    shopper.get(f"https://{MALL_HOST}/mall/acme/buy/shirt")
    for who, url in (
        (stranger, "/buy/shirt"),
        (shopper, "/buy/hat"),
        (shopper, f"https://{OTHER_HOST}/buy/shirt"),
        (shopper, f"https://{MALL_HOST}/mall/acme/buy/shirt"),
    ):
        refused = who.post(url, fields)
        assert refused.status in {403, 404}, url
    cross = shopper.post("/buy/shirt", fields, {"Sec-Fetch-Site": "cross-site"})
    assert cross.status == 403
    assert orders(shop) == 0
    assert shopper.post("/buy/shirt", fields).status == 303


def test_a_form_that_lay_about_for_a_day_is_made_anew(shop: Any, shopper: Shopper) -> None:
    """A price of yesterday would be ordered at."""
    page = shopper.get("/buy/shirt")
    shop.later(13 * 60)
    refused = shopper.send(page, **WHO)
    assert (refused.status, orders(shop)) == (403, 0)
    assert shopper.send(refused).status == 303


def test_a_forged_cookie_is_nobody(shop: Any, shopper: Shopper) -> None:
    """Somebody would read another one's orders by writing his name into a cookie."""
    shopper.buy()
    (placed,) = shop.service.happened("order_placed")
    cookie = shopper.client.get_cookie("visitor", domain=HOST)
    assert cookie is not None
    assert (cookie.http_only, cookie.secure, cookie.same_site) == (True, True, "Lax")
    content, _, mac = cookie.value.partition(".")
    stranger = Shopper(shop)
    path = f"/orders/{placed.event.order_id}"
    assert shopper.get(path).status == 200
    for forged in ("x", placed.event.person_id, f"{content}.{mac[::-1]}", f"{content}."):
        stranger.client.set_cookie("visitor", forged, domain=HOST)
        assert stranger.get(path).status == 404
    stranger.client.set_cookie("visitor", cookie.value, domain=HOST)
    assert stranger.get(path).status == 200, "the cookie itself is what opens the order"


def test_an_order_is_shown_to_its_buyer_or_by_its_link_alone(shop: Any, shopper: Shopper) -> None:
    """Anybody could look at anybody's orders by their numbers."""
    shopper.buy()
    (placed,) = shop.service.happened("order_placed")
    path, stranger = f"/orders/{placed.event.order_id}", Shopper(shop)
    link = next(link for link in shopper.get(path).links_to("proof=") if "/pay/" not in link)
    assert stranger.get(path).status == 404
    assert stranger.get(f"{path}?proof=x").status == 404
    assert stranger.get(link).status == 200
    assert stranger.get(link.replace(HOST, OTHER_HOST)).status == 404


def test_another_companys_posts_products_and_pictures_are_not_reachable(
    shop: Any, shopper: Shopper
) -> None:
    """One company's shop would show, or sell, another one's goods."""
    path, asset = published(shop), picture(shop)["asset"]
    for own in (path, "/products/shirt", "/buy/shirt", f"/media/{asset}"):
        assert shopper.get(own).status == 200
        assert shopper.get(f"https://{OTHER_HOST}{own}").status == 404


def test_a_player_may_ask_for_a_part_of_a_video(shop: Any, shopper: Shopper) -> None:
    """Telephones play no video whose server cannot give a part of it."""
    path = f"/media/{picture(shop)['asset']}"
    whole = shopper.get(path).answer
    part = shopper.get(path, Range="bytes=2-5").answer
    beyond = shopper.get(path, Range="bytes=9999-")
    again = shopper.get(path, **{"If-None-Match": whole.headers["ETag"]}).answer

    assert whole.headers["Accept-Ranges"] == "bytes"
    assert (part.status_code, part.data) == (206, whole.data[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(whole.data)}"
    assert (beyond.status, again.status_code, again.data) == (416, 304, b"")


@pytest.mark.parametrize("path", ["/p/x", "/orders/x", "/products/x", "/media/x", "/buy/x"])
def test_a_mistyped_address_is_answered_in_words(shopper: Shopper, path: str) -> None:
    """A shopper would look at a machine's error report."""
    page = shopper.get(path)
    assert (page.status, page.answer.mimetype) == (404, "text/html")
    assert "找不到這一頁" in page.text
    assert page.links_to(f"https://{HOST}/")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"{HOST}.evil.example",
        "",
        "shop.acme.example@evil",
        f"evil@{HOST}",
        MALL_HOST,
    ],
)
def test_an_unknown_host_is_nobodys_shop(shop: Any, shopper: Shopper, host: str) -> None:
    """Whoever points a name at us would get a company's shop under it."""
    answer = shopper.client.get(
        "/products/shirt", headers={"Host": host, "X-Forwarded-Host": HOST, "Forwarded": "host=x"}
    )
    known = shopper.client.get("/products/shirt", headers={"Host": f"{HOST.upper()}:8443"})
    assert (answer.status_code, known.status_code) == (404, 200)
    assert "NT$" not in answer.get_data(as_text=True)
    assert shopper.client.get("/mall", headers={"Host": HOST}).status_code == 404
    assert shop.service.happened("order_placed") == []


def test_whatever_a_company_writes_stays_text(shop: Any, shopper: Shopper) -> None:
    """A product's name would run as a program in the buyer's browser."""
    price = {"amount": 100, "currency": "TWD"}
    body = {"sku": "bad", "title": ATTACK, "list": price, "sale": price}
    shop.service.post("/v1/products", body)
    shop.service.post("/v1/stock/receipts", {"sku": "bad", "qty": 9})
    shop.service.post("/v1/storefront", {"name": ATTACK, "in_shared_mall": True})
    texts = [{"lang": "zh-Hant", "text": ATTACK}]
    shop.service.post("/v1/products/bad/media", {"media": [picture(shop, alt=ATTACK)]})
    shop.service.post("/v1/products/bad/descriptions", {"texts": texts})
    path = published(shop, "bad", texts=texts)
    shop.settle()
    bought = shopper.buy("/buy/bad", name=ATTACK)
    order = bought.location and shop.service.happened("order_placed")[0].event.order_id
    wrong = shopper.send(shopper.get("/buy/bad"), **{**WHO, "name": ATTACK, "phone": "1"})
    pages = [
        *(shopper.get(url) for url in (path, "/", "/products/bad", f"/orders/{order}")),
        shopper.get(f"https://{MALL_HOST}/mall"),
        shopper.get(f"/products/bad?lang={ATTACK}&post={ATTACK}&proof={ATTACK}"),
        wrong,
    ]
    for page in pages:
        assert page.status in {200, 400}, page.url
        assert "&lt;script&gt;" in page.text or "%3Cscript" in page.text
        assert "<script" not in page.text
        assert "<img src=x" not in page.text


def test_every_page_forbids_what_it_does_not_need(shop: Any, shopper: Shopper) -> None:
    """An injected script would run, or a page could be framed by another site."""
    pages = ["/", "/products/shirt", "/buy/shirt", published(shop), "/static/shop.css"]
    for url in [*pages, f"/orders/{'0' * 8}-0000-4000-8000-{'0' * 12}"]:
        headers = shopper.get(url).answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert shopper.get("/buy/shirt").answer.headers["Cache-Control"] == "no-store"


def test_pages_ask_nobody_else_unless_the_operator_allows_it(
    shop: Any, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture elsewhere would tell a third party who looks at what."""
    elsewhere = {**picture(shop), "asset": None, "url": "https://cdn.example/shirt.png"}
    shop.service.post("/v1/products/shirt/media", {"media": [elsewhere]})
    shop.settle()
    page = shopper.get("/products/shirt")
    assert "cdn.example" not in page.text
    assert "米色襯衫" in page.text
    monkeypatch.setenv("MEDIA_ORIGINS", "https://cdn.example")
    page = shopper.get("/products/shirt")
    assert 'src="https://cdn.example/shirt.png"' in page.text
    assert "img-src 'self' https://cdn.example;" in page.answer.headers["Content-Security-Policy"]


def test_a_price_that_changed_since_the_page_was_made_is_shown_first(
    shop: Any, shopper: Shopper
) -> None:
    """The buyer would pay more than the page said."""
    page = shopper.get("/buy/shirt")
    price = {"amount": 159000, "currency": "TWD"}
    body = {"sku": "shirt", "title": "shirt", "list": price, "sale": price}
    shop.service.post("/v1/products", body)
    refused = shopper.send(page, **WHO)
    assert (refused.status, orders(shop)) == (409, 0)
    assert "價格剛剛改變" in refused.text
    assert "NT$1,590" in refused.text
    assert shopper.send(refused).status == 303


def test_more_than_there_is_cannot_be_ordered(shop: Any, shopper: Shopper) -> None:
    """The buyer would learn only after paying that there is nothing left."""
    shop.stocked(scarf=2)
    shop.settle()
    page = shopper.get("/buy/scarf")
    refused = shopper.send(page, **WHO, qty="3")
    assert (refused.status, orders(shop)) == (409, 0)
    assert "沒有這麼多存貨了" in refused.text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"qty": "0"}, "qty"),
        ({"qty": "1000"}, "qty"),
        ({"qty": "two"}, "qty"),
        ({"name": " "}, "name"),
        ({"phone": "1"}, "phone"),
        ({"address": ""}, "address"),
        ({"address": "x" * 400}, "address"),
        ({"method": "cash"}, "method"),
    ],
)
def test_a_mistake_is_named_in_a_summary_that_leads_to_its_field(
    shop: Any, shopper: Shopper, typed: dict[str, str], field: str
) -> None:
    """Who cannot see the page would not find what to correct, or would type all of it again."""
    refused = shopper.buy(**typed)
    assert (refused.status, orders(shop)) == (400, 0)
    assert f'<a href="#{field}">' in refused.text
    assert {field, f"{field}-error"} <= refused.ids
    assert 'role="alert"' in refused.text
    kept = next(name for name in ("name", "phone") if name not in typed)
    assert refused.form.fields[kept] == WHO[kept]


def test_what_is_no_form_is_refused(shop: Any, shopper: Shopper) -> None:
    """A request that nobody's browser makes would reach the rules."""
    page = shopper.get("/buy/shirt")
    fields = {**page.form.fields, **WHO}
    sent: list[dict[str, Any]] = [
        {"data": json.dumps(fields), "content_type": "application/json"},
        {"data": {**fields, "file": (PIXEL, "x.png")}},
        {"data": {**fields, "name": "a\0b"}},
        {"data": {**fields, "more": "x"}},
        {"data": {**fields, "qty": ["1", "2"]}},
        {"data": {**fields, "address": "x" * (1 << 20)}},
    ]
    answers = [
        shopper.client.post("/buy/shirt", base_url=f"https://{HOST}", **more).status_code
        for more in sent
    ]
    assert set(answers) <= {400, 413, 415}
    assert answers[-1] == 413
    assert orders(shop) == 0


def test_a_post_that_does_not_sell_it_is_no_origin(shop: Any, shopper: Shopper) -> None:
    """A sale would be counted for a post that had nothing to do with it."""
    shop.stocked(hat=9)
    path = published(shop, "hat")
    post_id = path.rpartition("/")[2]
    assert shopper.get(f"/buy/shirt?post={post_id}").status == 404
    page = shopper.get("/buy/shirt")
    fields = {**page.form.fields, **WHO}
    assert shopper.post(f"/buy/shirt?post={post_id}", fields).status == 404
    assert orders(shop) == 0


def test_a_forgotten_buyer_begins_anew(shop: Any, shopper: Shopper) -> None:
    """Whoever asked to be forgotten could never buy again from the same phone."""
    shopper.buy()
    (placed,) = shop.service.happened("order_placed")
    old = placed.event.person_id
    data = {"request_id": f"{'0' * 8}-0000-4000-8000-{'0' * 12}", "person_id": old}
    shop.service.receive("identity", "erasure_requested", {**data, "subjects": [old]})
    refused = shopper.buy()
    assert (refused.status, orders(shop)) == (409, 1)
    assert shopper.send(refused).status == 303
    assert shop.service.happened("order_placed")[1].event.person_id != old


def test_nobody_is_sent_to_another_site_by_the_payment_page(shop: Any, shopper: Shopper) -> None:
    """A forged link to the payment provider would lead the buyer to a stranger's site."""
    bought = shopper.buy()
    shop.settle()
    for forged in (
        bought.location.replace(HOST, "evil.example"),
        bought.location.replace("merchant=acme", "merchant=globex"),
        bought.location.partition("?")[0],
    ):
        assert shopper.get(forged).status == 404
        assert shopper.post(forged, {"choice": "pay"}).status == 404
    assert shopper.get(bought.location).status == 200
