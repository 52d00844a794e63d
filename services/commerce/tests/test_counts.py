"""What was promised beyond what is there shows in the metrics, by tenant."""

from typing import Any

from sqlalchemy import insert, update

from chassis.testing.telemetry import recorded_telemetry
from commerce.counts import count_oversold
from commerce.drop_tables import drops
from commerce.tables import available


def test_operators_see_what_is_oversold_and_when_it_is_healed(shop: Any) -> None:
    """A drop that sells more than it has would be found by the buyers."""
    drop = {
        "tenant": "acme", "drop_id": "d1", "sku": "shirt", "per_person": 1, "opens_at": 0,
        "closes_at": 9, "state": "open", "stock": 5, "entered": 9, "served": 7, "granted": 2,
        "ordered": 1, "sold": 4, "returned": 0,
    }  # fmt: skip
    goods = {"tenant": "acme", "location": "main", "on_hand": 3}
    database = shop.service.storage.database
    with database.begin() as db:
        db.execute(
            insert(drops), [drop, {**drop, "drop_id": "d2", "granted": 0, "state": "closed"}]
        )
        db.execute(
            insert(available),
            [
                {**goods, "sku": "shirt", "reserved": 2, "confirmed": 2},
                {**goods, "sku": "cap", "reserved": 3, "confirmed": 0},
            ],
        )
    with recorded_telemetry() as seen:
        assert counted(seen, shop) == {
            "drop.oversold": {("acme",): 2},
            "drop.pieces": {
                ("acme", "stock"): 5, ("acme", "granted"): 2, ("acme", "ordered"): 1,
                ("acme", "sold"): 4,
            },
            "stock.oversold": {("acme",): 1},
        }  # fmt: skip
        with database.begin() as db:
            db.execute(update(drops).values(granted=0))
            db.execute(update(available).values(on_hand=4))
        healed = counted(seen, shop)
        assert healed["drop.oversold"] == healed["stock.oversold"] == {("acme",): 0}


def counted(seen: Any, shop: Any) -> dict[str, Any]:
    with shop.service.storage.system.read() as db:
        count_oversold(db, shop.service.clock.now())
    return {
        name.removeprefix("sixfold.commerce."): {
            tuple(labels[label] for label in sorted(labels, reverse=True)): point.value
            for labels, point in found
        }
        for name, found in seen.measurements().items()
        if name.startswith("sixfold.commerce.")
    }
