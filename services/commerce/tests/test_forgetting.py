"""Tenants and erasure: what commerce keeps because of identity, and what it forgets."""

from typing import Any
from uuid import UUID

REQUEST = UUID(int=3)


def erase(shop: Any, *subjects: str) -> None:
    data = {"request_id": str(REQUEST), "person_id": "p1", "subjects": list(subjects)}
    shop.service.receive("identity", "erasure_requested", data)


def test_a_forgotten_buyer_leaves_nothing_personal(shop: Any, body_of: Any) -> None:
    """A tracking number or a means of payment would stay readable, in the log or in a row."""
    shop.stocked(per_person=5, shirt=3)
    order_id = shop.order(("shirt", 1))
    shop.settle()
    shop.goods(order_id, "ship", carrier="post", no="RR123456785TW")
    shop.settle()

    erase(shop, "p1", "account-1")
    shop.settle()

    (placed,) = shop.service.happened("order_placed")
    (shipped,) = shop.service.happened("fulfilment_shipped")
    assert (placed.event.payment_method, shipped.event.no) == (None, None)
    assert b"RR123456785TW" not in shipped.envelope.data
    (confirmed,) = shop.service.happened("erasure_confirmed")
    assert confirmed.event.subjects == ("p1", "account-1")
    for table in ("person_orders", "person_links", "buyers"):
        assert shop.service.rows(f"SELECT * FROM {table}") == []  # noqa: S608  # our own names
    refused = shop.service.call("POST", "/v1/orders", body_of(("shirt", 1)))
    assert refused.json["code"] == "buyer_erased"


def test_late_news_of_a_forgotten_buyer_is_not_kept(shop: Any) -> None:
    """What was to be forgotten would come back with whatever identity said before."""
    erase(shop, "p1", "account-1")
    told = {
        "account_linked": {"account_id": "account-2", "person_id": "p1"},
        "persons_merged": {"survivor": "p1", "absorbed": "p2"},
        "phone_verified": {
            "phone_id": "ph-1", "person_id": "p1", "valid_until": "2030-01-01T00:00:00Z",
        },
    }  # fmt: skip
    for name, data in told.items():
        shop.service.receive("identity", name, data)
    for table in ("person_links", "phone_owners", "verified_phones"):
        assert shop.service.rows(f"SELECT * FROM {table}") == []  # noqa: S608  # our own names


def test_the_order_of_a_forgotten_buyer_still_ends(shop: Any) -> None:
    """Goods would be held for ever for somebody whom we may not know any more."""
    shop.stocked(shirt=2)
    unpaid = shop.order(("shirt", 1))
    erase(shop, "p1")
    shop.settle()
    assert shop.show(unpaid)["status"] == "expired"

    paid = shop.order(("shirt", 1), person_id="p2")
    shop.settle()
    data = {"request_id": str(UUID(int=4)), "person_id": "p2", "subjects": ["p2"]}
    shop.service.receive("identity", "erasure_requested", data)
    shop.goods(paid, "ship", carrier="post", no="RR123456785TW")
    shop.goods(paid, "deliver")
    shop.settle()
    assert shop.show(paid)["status"] == "completed"
    assert shop.stuck() == []


def test_a_new_company_has_an_empty_balance_in_its_currency(shop: Any) -> None:
    """The first report of a company would show nothing at all."""
    created = {"tenant_id": "acme", "name": "Acme", "zone": "Asia/Taipei"}
    for currency in ("CNY", "TWD"):
        shop.service.receive(
            "identity", "tenant_created", {**created, "currency": currency, "country": "TW"}
        )

    assert shop.money() == {
        "currency": "TWD",
        "paid_orders": 0,
        "captured": 0,
        "refunded": 0,
        "refunding": 0,
        "unconfirmed": 0,
        "to_refund": 0,
        "difference": 0,
    }
