"""``python -m bench.hot_drop``: sell 100 units to 10,000 buyers, and count what came of it.

The exit code is 1 when a unit too many or too few was sold, money was kept without an order or
taken twice, or somebody was served before another who came first.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from bench.hot_drop.buyers import Buyer, Crowd
from bench.hot_drop.http import Seen
from bench.hot_drop.shop import Shop, shop_in

SKU, LOOKED_AT = "drop", 150
PAY_MINUTES = 15
REST_SECONDS = 120.0
PRICE = {"amount": 149_000, "currency": "TWD"}
_GRANTED = """SELECT e.stream, e.version, e.type, convert_from(e.data, 'UTF8')::json ->> 'entry_id'
FROM events e WHERE e.type IN ('drop_entered', 'drop_granted') ORDER BY e.version"""


def main() -> None:
    """Run the drop and report."""
    asked = arguments()
    with TemporaryDirectory() as scratch, shop_in(Path(scratch)) as shop:
        drop_id = open_drop(shop, asked.units)
        crowd = Crowd(
            shop.port, shop.token, sku=SKU, drop_id=drop_id, size=asked.buyers, seed=asked.seed
        )
        deadline = time.monotonic() + asked.seconds
        asyncio.run(sell(shop, crowd, drop_id, deadline))
        settle(shop)
        troubles = report(shop, crowd, drop_id, asked.units)
    sys.exit(1 if troubles else 0)


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    asked = argparse.ArgumentParser(prog="python -m bench.hot_drop", description=__doc__)
    asked.add_argument("--buyers", type=int, default=10_000)
    asked.add_argument("--units", type=int, default=100)
    asked.add_argument("--seconds", type=float, default=300, help="when no more is sold")
    asked.add_argument("--seed", type=int, default=1)
    return asked.parse_args()


def open_drop(shop: Shop, units: int) -> str:
    """Offer the article, have units of it, and open a drop for all of them."""
    shop.post("/v1/products", {"sku": SKU, "title": "A shirt", "list": PRICE, "sale": PRICE})
    shop.post("/v1/stock/receipts", {"sku": SKU, "qty": units})
    now = shop.clock.now()
    body = {
        "sku": SKU,
        "stock": units,
        "per_person": 1,
        "opens_at": (now - timedelta(minutes=1)).isoformat(),
        "closes_at": (now + timedelta(days=1)).isoformat(),
        "verified_only": False,
        "pay_within_minutes": PAY_MINUTES,
    }
    return str(shop.post("/v1/drops", body)["drop_id"])


async def sell(shop: Shop, crowd: Crowd, drop_id: str, deadline: float) -> None:
    """Let the crowd in, then let whoever's turn it is buy, until all is sold or time is over."""
    await crowd.gather()
    print(f"{len(crowd.buyers):,} buyers stand in front of the door", flush=True)
    before = {name: shop.worked(name) for name in shop.nodes}
    took = await crowd.rush()
    count = sum(crowd.seen.statuses.values())
    print(f"entries: {count:,} requests in {took:.1f} s, {count / took:,.0f} a second", flush=True)
    for name, at_first in before.items():
        print(f"{name}: {shop.worked(name) - at_first:.1f} s of a processor", flush=True)
    in_line = sorted(
        (buyer for buyer in crowd.buyers if buyer.entry_id is not None),
        key=lambda buyer: buyer.place or 0,
    )
    while time.monotonic() < deadline:
        granted = await crowd.whose_turn(in_line[:LOOKED_AT])
        await crowd.buy(granted)
        in_line = _without(in_line, granted)
        await asyncio.to_thread(shop.rest, REST_SECONDS)
        shown = await asyncio.to_thread(shop.get, f"/v1/drops/{drop_id}")
        print(f"{shown['state']}: {shown['sold']} sold, {shown['waiting']:,} wait", flush=True)
        if shown["state"] == "sold_out" or not in_line:
            break
        # Those who never pay, and the payments that come too late, have their time.
        shop.clock.move(timedelta(minutes=PAY_MINUTES + 1))
        await asyncio.to_thread(shop.rest, REST_SECONDS)
    crowd.leave()


def settle(shop: Shop) -> None:
    """Let everything that was begun come to its end, the latest payment included."""
    for _ in range(3):
        shop.clock.move(timedelta(minutes=2 * PAY_MINUTES))
        shop.rest(REST_SECONDS)


def report(shop: Shop, crowd: Crowd, drop_id: str, units: int) -> list[str]:
    """Print what came of it; return what should not be."""
    for what in sorted(crowd.seen.seconds):
        print(times(crowd.seen, what))
    shown = shop.get(f"/v1/drops/{drop_id}")
    places = shop.rows("SELECT on_hand, reserved, confirmed FROM available_to_sell")
    money = shop.get("/v1/reports/money")
    found = {
        "units sold": shown["sold"],
        "oversold": max(0, shown["sold"] - units),
        "more promised than there": sum(r + c > there for there, r, c in places),
        "paid without order": paid_without_order(shop),
        "orders in the middle": in_the_middle(shop),
        "doubled charges": sum(times > 1 for times in shop.charges().values()),
        "other answers to one key": len(crowd.differing),
        "served out of turn": out_of_turn(shop),
        "parked events": shop.get("/internal/v1/progress")["parked"],
        "broken connections": crowd.seen.broken,
    }
    for name, value in found.items():
        print(f"{name:28} {value}")
    for currency in money:
        print(f"money: {currency}")
    wrong = [name for name, value in found.items() if value and name not in _HARMLESS]
    wrong += ["not all sold"] * (shown["sold"] != units)
    wrong += ["money"] * any(one["difference"] for one in money)
    print(f"wrong: {', '.join(wrong) or 'nothing'}")
    return wrong


_HARMLESS = {"units sold", "broken connections"}


def times(seen: Seen, what: str) -> str:
    """Return a line about one kind of request."""
    took = sorted(seen.seconds[what])
    cuts = quantiles(took, n=100) if len(took) > 1 else took * 99
    statuses = {status: n for (name, status), n in sorted(seen.statuses.items()) if name == what}
    return f"{what:16} {len(took):7,}  p50 {cuts[49]:6.2f} s  p99 {cuts[98]:6.2f} s  {statuses}"


def paid_without_order(shop: Shop) -> int:
    """Return how many payments are kept whose order does not stand."""
    kept = "SELECT count(*) FROM money_of_orders WHERE NOT stands AND captured > refunded"
    return int(shop.rows(kept)[0][0])


def in_the_middle(shop: Shop) -> int:
    """Return how many orders are neither for the warehouse to send nor over."""
    ended = "('confirmed', 'completed', 'cancelled', 'expired')"
    found = shop.rows(f"SELECT count(*) FROM order_board WHERE status NOT IN {ended}")  # noqa: S608
    return int(found[0][0])


def out_of_turn(shop: Shop) -> int:
    """Return how often somebody was granted before another who had entered earlier."""
    rows: Sequence[tuple[Any, ...]] = shop.rows(_GRANTED)
    entered = {entry: n for n, (_, _, _, entry) in enumerate(rows) if rows[n][2] == "drop_entered"}
    granted = [entered[entry] for _, _, kind, entry in rows if kind == "drop_granted"]
    return sum(later < earlier for earlier, later in pairwise(granted))


def _without(some: Sequence[Buyer], gone: Sequence[Buyer]) -> list[Buyer]:
    numbers = {buyer.number for buyer in gone}
    return [buyer for buyer in some if buyer.number not in numbers]


if __name__ == "__main__":
    main()
