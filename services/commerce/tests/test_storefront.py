"""The storefront over HTTP: malls, posts, the way from a post to a paid order."""

from typing import Any

import pytest

from shopper import HOST, MALL_HOST, OTHER_HOST, PAY_HOST, SETTINGS, WHO, Seen, Shopper, published

MALL = f"https://{MALL_HOST}"


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shopper(shop: Any) -> Shopper:
    shop.stocked(shirt=20, hat=0)
    shop.settle()
    return Shopper(shop)


def named(shop: Any, name: str, *, tenant: str = "acme", shared: bool = True) -> None:
    body = {"name": name, "in_shared_mall": shared}
    shop.service.post("/v1/storefront", body, tenant=tenant)
    shop.settle()


@pytest.mark.requirement("Z10")
def test_the_buy_page_is_one_click_from_the_post(shop: Any, shopper: Shopper) -> None:
    """Each further page between seeing and buying loses half of the buyers."""
    post = shopper.get(published(shop, "shirt", "hat"))
    (link,) = post.links_to("/buy/")
    page = shopper.get(link)
    assert (post.status, page.status) == (200, 200)
    assert page.form.fields["amount"] == "149000"
    assert {"qty", "name", "phone", "address", "method"} <= page.ids


@pytest.mark.requirement("Z20")
def test_a_posts_page_shows_text_picture_and_goods(shop: Any, shopper: Shopper) -> None:
    """Text, picture and transaction would not be on one page."""
    page = shopper.get(published(shop, "shirt", "hat"))
    assert "夏天就穿亞麻" in page.text
    assert 'alt="米色襯衫"' in page.text
    source = page.text.partition('<img src="')[2].partition('"')[0]
    seen = shopper.get(source)
    assert (seen.status, seen.answer.content_type) == (200, "image/png")
    assert seen.answer.headers["X-Content-Type-Options"] == "nosniff"
    assert page.text.index("/products/shirt") < page.text.index("/products/hat")


@pytest.mark.requirement("Z30")
def test_a_page_shows_the_currency_the_list_and_the_sale_price(shop: Any, shopper: Shopper) -> None:
    """The buyer would not see that NT$1490 is less than NT$2480, or would hear two prices."""
    path = published(shop)
    for page in (shopper.get(path), shopper.get("/products/shirt"), shopper.get("/")):
        assert '<strong class="sale">NT$1,490</strong>' in page.text
        assert '<s class="list"><span class="hidden">原價</span> NT$2,480</s>' in page.text


@pytest.mark.requirement("Z27")
def test_every_order_says_which_shop_it_comes_from(shop: Any, shopper: Shopper) -> None:
    """A sale without an origin cannot be learned from."""
    named(shop, "Acme")
    path = published(shop)
    (from_post,) = shopper.get(path).links_to("/buy/")
    bought = [
        shopper.buy(from_post),
        shopper.buy("/buy/shirt"),
        shopper.buy(f"{MALL}/mall/acme/buy/shirt"),
    ]
    assert [each.status for each in bought] == [303] * 3
    origins = [placed.event.origin for placed in shop.service.happened("order_placed")]
    assert [(o.mode, o.platform, o.property, o.content) for o in origins] == [
        ("page", "facebook", "page-1", "content-7"),
        ("web", "web", HOST, None),
        ("web", "mall", "acme", None),
    ]


@pytest.mark.requirement("C22")
def test_a_merchant_has_a_mall_of_its_own_or_stands_in_the_shared_one(
    shop: Any, shopper: Shopper
) -> None:
    """A merchant could not choose where to sell, or would sell in another one's name."""
    named(shop, "Acme 燈籠", shared=True)
    named(shop, "Globex", tenant="globex", shared=False)
    own, shared = shopper.get("/"), shopper.get(f"{MALL}/mall/acme")
    for page in (own, shared):
        assert page.status == 200
        assert "<h1>Acme 燈籠</h1>" in page.text
        assert "NT$1,490" in page.text
    assert all("/mall/acme" in link for link in shared.links_to("/products/"))
    mall = shopper.get(f"{MALL}/mall")
    assert "Acme 燈籠" in mall.text
    assert "Globex" not in mall.text
    assert shopper.get(f"{MALL}/mall/globex").status == 404
    other = shopper.get(f"https://{OTHER_HOST}/")
    assert "Globex" in other.text
    assert "NT$1,490" not in other.text
    named(shop, "Acme 燈籠", shared=False)
    assert shopper.get(f"{MALL}/mall/acme").status == 404
    assert shopper.get(f"{MALL}/mall/acme/buy/shirt").status == 404


def test_paying_leads_to_a_paid_order(shop: Any, shopper: Shopper) -> None:
    """The buyer would have paid and not know whether anything comes."""
    bought = shopper.buy(qty="2")
    assert bought.status == 303
    assert bought.location.startswith(f"https://{PAY_HOST}/pay/tok_hosted_card_")
    early = shopper.get(bought.location)
    assert 'http-equiv="refresh"' in early.text
    shop.settle()
    assert "NT$2,980" in shopper.get(bought.location).text
    page = shopper.decide(bought, "pay")
    assert "已付款" in page.text
    assert "NT$2,980" in page.text
    order_id = page.url.rpartition("/")[2]
    assert shop.show(order_id)["status"] == "confirmed"
    shop.goods(order_id, "ship", carrier="post")
    assert "商品在路上" in shopper.get(page.url).text
    shop.goods(order_id, "deliver")
    shop.settle()
    assert 'class="now" aria-current="step">已送達' in shopper.get(page.url).text
    assert shop.money()["difference"] == 0


def links_in(page: Seen) -> list[str]:
    """Return an order page's links to itself, without those of the page's head."""
    return [link for link in page.links_to("lang=en") if "/orders/" in link and "#" not in link]


def test_while_nobody_has_paid_one_can_look_again(shop: Any, shopper: Shopper) -> None:
    """A page that reloads by itself takes the way to pay from under who reads or hears it."""
    bought = shopper.buy()
    shop.settle()
    placed = shop.service.happened("order_placed")[0].event
    page = shopper.get(f"/orders/{placed.order_id}?lang=en")
    assert "http-equiv" not in page.text
    look_again, to_keep = links_in(page)
    assert shopper.get(look_again).status == 200
    elsewhere = Shopper(shop)
    assert elsewhere.get(look_again).status == 404
    look_again, _ = links_in(elsewhere.get(to_keep))
    assert elsewhere.get(look_again).status == 200
    (again,) = page.links_to("/pay/")
    assert again.partition("?")[0] == bought.location.partition("?")[0]


def test_a_declined_payment_says_so_and_frees_the_goods(shop: Any, shopper: Shopper) -> None:
    """The buyer would wait for a parcel that never comes."""
    page = shopper.decide(shopper.buy(), "decline")
    assert "付款未完成" in page.text
    assert "付款被拒絕" in page.text
    assert page.links_to("/products/shirt")
    assert shop.stock("shirt") == (20, 0, 0)


def test_a_second_decision_on_the_payment_page_changes_nothing(shop: Any, shopper: Shopper) -> None:
    """A double click would pay twice, or decline what was paid."""
    bought = shopper.buy()
    shopper.decide(bought, "pay")
    page = shopper.decide(bought, "decline")
    assert "已付款" in page.text
    assert shop.money()["captured"] == 149000


def test_paying_too_late_is_never_silent(shop: Any, shopper: Shopper) -> None:
    """Money would be taken and neither goods nor money would come back."""
    bought = shopper.buy()
    shop.later(16)
    placed = shop.service.happened("order_placed")[0].event
    page = shopper.get(f"/orders/{placed.order_id}")
    assert "沒有在時限內付款" in page.text
    revived = shopper.decide(bought, "pay")
    assert "已付款" in revived.text
    assert shop.money()["difference"] == 0


def test_goods_that_sold_out_meanwhile_cancel_with_a_reason(shop: Any) -> None:
    """The buyer would not learn why nothing comes."""
    shop.stocked(scarf=1)
    shop.settle()
    sold = [Shopper(shop), Shopper(shop)]
    pages = [each.get("/buy/scarf") for each in sold]
    bought = [each.send(page, **WHO) for each, page in zip(sold, pages, strict=True)]
    assert [each.status for each in bought] == [303, 303]
    shop.settle()
    loser = shop.service.happened("order_placed")[1].event.order_id
    page = sold[1].get(f"/orders/{loser}")
    assert "訂單已取消" in page.text
    assert "剛剛售完" in page.text


def test_sold_out_goods_have_no_buy_button_and_no_form(shopper: Shopper) -> None:
    """People would order what is not there."""
    assert "已售完" in shopper.get("/products/hat").text
    assert shopper.get("/products/hat").links_to("/buy/") == []
    assert "<form" not in shopper.get("/buy/hat").text


def test_the_parcels_address_is_kept_for_who_packs_it_and_can_be_forgotten(
    shop: Any, shopper: Shopper
) -> None:
    """The parcel could not be sent; or an address would stay readable for ever."""
    shopper.buy()
    (placed,) = shop.service.happened("order_placed")
    buyer, order_id = placed.event.person_id, placed.event.order_id
    assert buyer.startswith("visitor-")
    parcel = shop.service.get(f"/v1/orders/{order_id}/parcel")
    assert (parcel["name"], parcel["address"]) == (WHO["name"], WHO["address"])
    sealed = shop.service.happened("parcel_addressed")[0].envelope.data
    assert WHO["phone"].encode() not in sealed
    refused = shop.service.call(
        "GET", f"/v1/orders/{order_id}/parcel", scopes=["commerce.read", "commerce.write"]
    )
    assert refused.status_code == 403
    shop.later(16)
    shopper.send(shopper.get("/forget"))
    assert shop.service.get(f"/v1/orders/{order_id}/parcel")["name"] is None


@pytest.mark.parametrize(
    ("accepted", "asked", "lang", "word"),
    [
        ("en-US,en;q=0.9", "", "en", "Buy now"),
        ("zh-CN", "", "zh-Hans", "立即购买"),
        ("zh-HK,zh;q=0.9", "", "zh-Hant", "立即購買"),
        ("fr", "", "zh-Hant", "立即購買"),
        ("zh-CN", "?lang=en", "en", "Buy now"),
    ],
)
def test_a_page_speaks_the_readers_language(
    shopper: Shopper, accepted: str, asked: str, lang: str, word: str
) -> None:
    """A shopper could not read what he agrees to."""
    page = shopper.get(f"/products/shirt{asked}", **{"Accept-Language": accepted})
    assert f'<html lang="{lang}">' in page.text
    assert page.answer.headers["Content-Language"] == lang
    assert word in page.text
    assert all(("lang=en" in link) == bool(asked) for link in page.links_to("/buy/"))


def test_what_other_sites_append_to_a_link_is_ignored(shopper: Shopper) -> None:
    """A link from a social platform would lead to an error."""
    assert shopper.get("/products/shirt?fbclid=x&utm_source=y&lang=klingon").status == 200
