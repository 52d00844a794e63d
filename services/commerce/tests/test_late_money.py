"""Money for an order that had expired: it buys what one may still buy, or goes back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

LATE = ["tok_late", "tok_late_captured"]


def given_back(shop: Any, order_id: str, *, captured: bool) -> None:
    """Assert that an order's money is the buyer's again, and that nothing of it is left over."""
    payment = shop.show(order_id)["payment"]
    assert payment["captured"] == payment["refunded"]
    assert (payment["status"] == "captured") is captured
    assert (shop.money()["difference"], shop.money()["to_refund"]) == (0, 0)
    assert order_id not in [entry["key"] for entry in shop.stuck()]


def forget(shop: Any, person: str) -> None:
    """Let identity ask for somebody to be forgotten."""
    data = {"request_id": str(UUID(int=3)), "person_id": person, "subjects": [person]}
    shop.service.receive("identity", "erasure_requested", data)


@pytest.mark.parametrize("method", LATE)
def test_late_money_does_not_buy_more_than_one_may_have(shop: Any, method: str) -> None:
    """Whoever pays one order late could have two of what is one for each."""
    shop.stocked(per_person=1, shirt=5)
    late = shop.order(("shirt", 1), method=method)
    shop.later(15)
    assert shop.show(late)["status"] == "expired"
    second = shop.order(("shirt", 1))
    shop.later(1)

    assert (shop.show(late)["status"], shop.show(second)["status"]) == ("expired", "confirmed")
    assert shop.stock("shirt") == (5, 0, 1)
    reasons = [entry.event.reason for entry in shop.service.happened("refund_requested")]
    assert reasons == (["person_limit_reached"] if method == "tok_late_captured" else [])
    given_back(shop, late, captured=method == "tok_late_captured")


def test_two_late_payments_at_once_buy_what_one_may_have(shop: Any) -> None:
    """Neither would see the other, as neither counts before it stands."""
    shop.stocked(per_person=1, shirt=5)
    late = []
    for minutes in (15, 15):
        late.append(shop.order(("shirt", 1), method="tok_late_captured"))
        shop.service.settle()
        shop.service.clock.advance(timedelta(minutes=minutes))
        shop.service.settle()
        assert shop.show(late[-1])["status"] == "expired"
    shop.service.clock.advance(timedelta(minutes=1))
    while shop.provider.step():
        pass
    assert len(shop.service.happened("late_payment_received")) == 2
    shop.settle()

    standing = [order_id for order_id in late if shop.show(order_id)["status"] == "confirmed"]
    assert len(standing) == 1
    (refused,) = set(late) - set(standing)
    given_back(shop, refused, captured=True)
    assert shop.stock("shirt") == (5, 0, 1)


@pytest.mark.parametrize("method", LATE)
def test_money_for_an_expired_order_that_was_cancelled_goes_back(shop: Any, method: str) -> None:
    """The buyer was told that it is cancelled, and would be sent the goods all the same."""
    order_id = shop.stocked(shirt=5).order(("shirt", 1), method=method)
    shop.later(15)
    path = f"/v1/orders/{order_id}/cancel"
    told = shop.service.call("POST", path, {"reason": "mind"}, headers={"If-Match": "*"})
    assert (told.status_code, told.json["status"]) == (200, "cancelled")
    shop.later(1)

    shown = shop.show(order_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "mind")
    assert shop.stock("shirt") == (5, 0, 0)
    given_back(shop, order_id, captured=method == "tok_late_captured")
    assert shop.stuck() == []


@pytest.mark.parametrize("method", LATE)
def test_money_of_a_buyer_who_was_forgotten_meanwhile_goes_back(shop: Any, method: str) -> None:
    """It would be kept for a parcel that has no address any more."""
    order_id = shop.stocked(shirt=5).order(("shirt", 1), method=method)
    shop.later(15)
    forget(shop, "p1")
    shop.later(1)

    assert shop.show(order_id)["status"] == "expired"
    assert shop.service.happened("fulfilment_requested") == []
    assert shop.stock("shirt") == (5, 0, 0)
    given_back(shop, order_id, captured=method == "tok_late_captured")


def test_an_order_does_not_stand_whose_buyer_was_forgotten_while_paying(shop: Any) -> None:
    """The warehouse would be asked for a parcel to nobody, and the money kept."""
    order_id = shop.stocked(shirt=5).order(("shirt", 1), method="tok_slow")
    shop.settle()
    forget(shop, "p1")
    shop.later(10)

    shown = shop.show(order_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "buyer_erased")
    assert shop.service.happened("fulfilment_requested") == []
    assert shop.stock("shirt") == (5, 0, 0)
    given_back(shop, order_id, captured=True)
