"""Links, orders and erasures of the same shopper at the same moment, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shopper import SETTINGS, WHO, Seen, Shopper

pytestmark = pytest.mark.servers
ROUNDS = 5


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shop(shop_on: Any, tmp_path: Path, postgresql_url: str) -> Any:
    shop = shop_on(tmp_path, postgresql_url).stocked(shirt=90)
    shop.settle()
    return shop


def test_no_link_slips_past_an_erasure(shop: Any) -> None:
    """A visitor linked while the person is forgotten would stay readable for ever."""
    for number in range(ROUNDS):
        Shopper(shop).buy()
        shop.settle()
        order, person = shop.service.happened("order_placed")[-1].event, f"p{number}"
        link = {"visitor": order.person_id, "person_id": person}
        asked = {"request_id": str(uuid4()), "person_id": person, "subjects": [person]}
        with ThreadPoolExecutor(2) as both:
            linked = both.submit(shop.service.call, "POST", "/v1/buyers/links", link)
            both.submit(shop.service.receive, "identity", "erasure_requested", asked).result()
        name = shop.service.get(f"/v1/orders/{order.order_id}/parcel")["name"]
        if linked.result().status_code == 201:
            assert name is None
        else:
            assert (linked.result().json["code"], name) == ("buyer_erased", WHO["name"])


def test_an_order_and_a_wish_to_be_forgotten_do_not_cross(shop: Any) -> None:
    """An order that is to be paid would be without an address."""

    def send(shopper: Shopper, page: Seen, **typed: str) -> Seen:
        return shopper.send(page, **typed)

    for _ in range(ROUNDS):
        shopper = Shopper(shop)
        buy, forget = shopper.get("/buy/shirt"), shopper.get("/forget")
        before = len(shop.service.happened("order_placed"))
        with ThreadPoolExecutor(2) as both:
            done = [both.submit(send, shopper, buy, **WHO), both.submit(send, shopper, forget)]
        bought, forgotten = (each.result().status for each in done)
        shop.settle()
        assert sorted((bought, forgotten)) == [303, 409]
        assert len(shop.service.happened("order_placed")) - before == (bought == 303)
