"""Media, descriptions and posts: what shows the goods, and what carries them."""

from typing import Any

import pytest

from shopper import picture, published

POST = {
    "platform": "facebook",
    "property": "page-1",
    "texts": [{"lang": "zh-Hant", "text": "夏天"}],
}


def test_a_product_is_shown_by_its_media_and_described_in_each_language(shop: Any) -> None:
    """The catalogue would be a price list: nobody would know what the goods look like."""
    shop.stocked(shirt=1)
    one, elsewhere = picture(shop), {**picture(shop), "asset": None, "url": "https://cdn.example/v"}
    texts = [{"lang": lang, "text": f"in {lang}"} for lang in ("zh-Hant", "zh-Hans", "yue", "en")]
    shop.service.post("/v1/products/shirt/media", {"media": [one, elsewhere]})
    shop.service.post("/v1/products/shirt/descriptions", {"texts": texts})
    shop.settle()

    shown = shop.service.get("/v1/products/shirt")
    assert [medium["url"] or medium["asset"] for medium in shown["media"]] == [
        one["asset"],
        "https://cdn.example/v",
    ]
    assert shown["media"][0]["alt"] == one["alt"]
    assert shown["descriptions"] == texts
    assert shop.service.get("/v1/products")["products"] == [shown]
    (event,) = shop.service.happened("product_media_set")
    assert [medium.mime_type for medium in event.event.media] == ["image/png"] * 2

    shop.stocked(shirt=0)
    assert shop.service.get("/v1/products/shirt")["media"] == shown["media"]
    missing = shop.service.call("GET", "/v1/products/nothing")
    assert (missing.status_code, missing.json["code"]) == (404, "product_unknown")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"asset": "0" * 64}, 404, "asset_unknown"),
        ({"asset": None}, 422, "unusable_medium"),
        ({"url": "https://cdn.example/x.png"}, 422, "unusable_medium"),
        ({"url": "javascript:alert(1)", "asset": None}, 400, "invalid"),
        ({"url": "http://cdn.example/x.png", "asset": None}, 400, "invalid"),
        ({"mime_type": "image/svg+xml"}, 400, "invalid"),
        ({"alt": []}, 400, "invalid"),
        ({"alt": [{"lang": "en", "text": "a"}] * 2}, 422, "several_texts_for_one_language"),
    ],
)
def test_a_medium_that_could_not_be_shown_to_everybody_is_refused(
    shop: Any, change: dict[str, Any], status: int, code: str
) -> None:
    """A page would show a gap, run a script, or say nothing to who cannot see it."""
    shop.stocked(shirt=1)
    body = {"media": [{**picture(shop), **change}]}
    refused = shop.service.call("POST", "/v1/products/shirt/media", body)
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert shop.service.happened("product_media_set") == []


def test_a_file_is_what_it_says_it_is(shop: Any) -> None:
    """A script would be served under the shop's own name as a picture."""
    body = {"mime_type": "image/png", "content": "PHNjcmlwdD4="}
    refused = shop.service.call("POST", "/v1/media", body)
    assert (refused.status_code, list(refused.json["errors"])) == (400, ["mime_type"])


def test_nobody_shows_another_companys_files(shop: Any) -> None:
    """A company would publish pictures that are not its own."""
    shop.stocked(shirt=1)
    theirs = picture(shop, tenant="globex")
    refused = shop.service.call("POST", "/v1/products/shirt/media", {"media": [theirs]})
    assert refused.json["code"] == "asset_unknown"


@pytest.mark.requirement("Z20")
def test_a_post_carries_text_pictures_and_products(shop: Any) -> None:
    """A post would have no goods to sell, or goods that nobody could see."""
    shop.stocked(shirt=1, hat=1)
    page = published(shop, "hat", "shirt")
    (event,) = shop.service.happened("post_published")
    assert event.event.skus == ("hat", "shirt")
    assert [medium.mime_type for medium in event.event.media] == ["image/png"]
    shown = shop.service.get(f"/v1/posts/{event.event.post_id}")
    assert (shown["page"], shown["content"], shown["skus"]) == (page, "content-7", ["hat", "shirt"])
    assert shown["texts"][0] == {"lang": "zh-Hant", "text": "夏天就穿亞麻"}
    foreign = shop.service.call("GET", f"/v1/posts/{event.event.post_id}", tenant="globex")
    assert (foreign.status_code, foreign.json["code"]) == (404, "post_unknown")


@pytest.mark.requirement("Z20")
@pytest.mark.parametrize(
    ("skus", "has_media", "code", "requirement"),
    [
        (["nothing"], True, "product_unknown", None),
        (["shirt", "shirt"], True, "nothing_to_sell", "Z20"),
        ([], True, "nothing_to_sell", "Z20"),
        (["shirt"], False, "nothing_to_sell", "Z20"),
    ],
)
def test_a_post_without_media_or_real_products_is_refused(
    shop: Any, skus: list[str], *, has_media: bool, code: str, requirement: str | None
) -> None:
    """A post would lead to a product that does not exist."""
    shop.stocked(shirt=1)
    body = {**POST, "skus": skus, "media": [picture(shop)] if has_media else []}
    refused = shop.service.call("POST", "/v1/posts", body)
    assert (refused.json["code"], refused.json.get("requirement")) == (code, requirement)
    assert shop.service.happened("post_published") == []
