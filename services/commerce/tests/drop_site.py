"""A shop that sells in drops."""

from datetime import timedelta
from typing import Any

from chassis.testing.contexts import NOW
from shop_under_test import QZONE, Shop, order_body, written


class DropSite:
    """A shop that sells a phone in drops, on Qzone, to whoever has a verified number."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def announce(
        self, stock: int, *, more_in_store: int = 0, key: str | None = None, **terms: Any
    ) -> str:
        """Announce a drop that opens now, for an hour, and return its id."""
        self.shop.stocked(redmi=stock + more_in_store)
        now = self.shop.service.clock.now()
        body = {
            "sku": "redmi",
            "stock": stock,
            "opens_at": written(now),
            "closes_at": written(now + timedelta(hours=1)),
            **terms,
        }
        return str(self.shop.service.post("/v1/drops", body, key=key)["drop_id"])

    def verify(self, *people: str) -> None:
        """Let identity tell that people hold verified phones."""
        for person in people:
            data = {
                "phone_id": f"phone-of-{person}",
                "person_id": person,
                "valid_until": written(NOW + timedelta(days=90)),
            }
            self.shop.service.receive("identity", "phone_verified", data)

    def try_to_enter(self, drop_id: str, person: str, **more: Any) -> Any:
        """Ask for pieces; return the answer, whatever it is."""
        key = more.pop("key", None)
        body = {"person_id": person, "qty": 1, "origin": QZONE, **more}
        return self.shop.service.call("POST", f"/v1/drops/{drop_id}/entries", body, key=key)

    def enter(self, drop_id: str, person: str, **more: Any) -> Any:
        """Ask for pieces; return the entry."""
        answer = self.try_to_enter(drop_id, person, **more)
        assert answer.status_code == 201, answer.text
        return answer.json

    def try_to_order(self, entry: Any, person: str, **more: Any) -> Any:
        """Order under an entry; return the answer, whatever it is."""
        lines = [("redmi", entry["qty"])]
        body = order_body(*lines, person_id=person, drop_entry=entry["entry_id"])
        key = more.pop("key", None)
        body = {**body, "origin": QZONE, **more}
        return self.shop.service.call("POST", "/v1/orders", body, key=key)

    def order(self, entry: Any, person: str, method: str = "tok_ok", **more: Any) -> str:
        """Order under an entry and return the order's id."""
        answer = self.try_to_order(entry, person, payment_method=method, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json["order_id"])

    def show(self, drop_id: str) -> Any:
        """Return a drop from the board."""
        return self.shop.service.get(f"/v1/drops/{drop_id}")

    def entry(self, entry: Any) -> Any:
        """Return an entry as it stands now."""
        path = f"/v1/drops/{entry['drop_id']}/entries/{entry['entry_id']}"
        return self.shop.service.get(path)

    def stock(self, drop_id: str) -> tuple[int, int, int]:
        """Return on hand, reserved and confirmed at the drop's own place."""
        there = self.shop.service.get("/v1/stock/redmi")["locations"]
        (place,) = [place for place in there if place["location"] == f"drop-{drop_id}"]
        return place["on_hand"], place["reserved"], place["confirmed"]
