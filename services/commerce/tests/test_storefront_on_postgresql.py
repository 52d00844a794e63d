"""The storefront on PostgreSQL: clicks at the same moment, and pictures from its columns."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shopper import PIXEL, SETTINGS, WHO, Shopper, published

pytestmark = pytest.mark.servers
CLICKS = 6


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


def test_clicks_at_the_same_moment_are_one_order(
    shop_on: Any, tmp_path: Path, postgresql_url: str
) -> None:
    """An impatient thumb on a slow line would buy six shirts."""
    shop = shop_on(tmp_path, postgresql_url).stocked(shirt=20)
    shop.settle()
    shopper = Shopper(shop)
    post = shopper.get(published(shop))
    (link,) = post.links_to("/buy/")
    page = shopper.get(link)
    with ThreadPoolExecutor(CLICKS) as thumbs:
        sent = list(thumbs.map(lambda _: shopper.send(page, **WHO), range(CLICKS)))
    assert {each.status for each in sent} <= {303, 409}
    assert len({each.location for each in sent if each.status == 303}) == 1
    shop.settle()
    assert len(shop.service.happened("order_placed")) == 1
    assert len(shop.service.happened("parcel_addressed")) == 1
    won = next(each for each in sent if each.status == 303)
    assert "已付款" in shopper.decide(won, "pay").text
    assert shop.money()["difference"] == 0


def test_a_picture_comes_back_as_it_went_in(
    shop_on: Any, tmp_path: Path, postgresql_url: str
) -> None:
    """A driver's own kind of bytes would be sent as text."""
    shop = shop_on(tmp_path, postgresql_url).stocked(shirt=1)
    shop.settle()
    shopper = Shopper(shop)
    source = shopper.get(published(shop)).text.partition('<img src="')[2].partition('"')[0]
    assert shopper.get(source).answer.get_data() == PIXEL
