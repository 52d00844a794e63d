"""What must hold of a stack at rest, whatever was killed on the way there."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console

from chassis.database import Database
from chassis.envelope import Recorded
from chassis.log_verify import pages
from chassis.storage import log_on
from commerce.events import registry
from commerce.queries import NoKeys
from commerce.stock import STOCK
from kill_load import STRANGER, Town
from sixfold import operating
from sixfold.parts import LOOP
from sixfold.stack import Described

ENDS = {"order_completed", "order_cancelled", "order_expired"}
FINAL = {"completed", "cancelled", "expired"}


def check_all(town: Town) -> None:
    """Fail with the first thing that is lost, doubled or left half done."""
    assert operating.verify(town.stack.directory, None, None, Console())
    assert town.fed.refused == []
    commerce = log_of(town, "commerce")
    check_orders(town, commerce)
    check_stock(commerce)
    check_money(town)
    check_consumers(town, commerce)
    check_loop(town)


def log_of(town: Town, service: str) -> list[Recorded]:
    """Read a whole log from its database."""
    database = Database(Described(town.stack.directory).known["databases"][service])
    try:
        with database.read() as db:
            return list(pages(log_on(db)))
    finally:
        database.close()


def check_orders(town: Town, commerce: Sequence[Recorded]) -> None:
    """Every order that was taken is there once, took each step once, and has ended once."""
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for event in commerce:
        if event.type.startswith("order_"):
            steps[event.stream][event.type] += 1
    placed = {stream for stream, types in steps.items() if types["order_placed"]}
    assert len(placed) == town.placed
    assert {f"order-{order_id}" for order_id in town.orders} <= placed
    doubled = {stream: types for stream, types in steps.items() if max(types.values()) > 1}
    assert doubled == {}
    unfinished = {
        stream: types for stream, types in steps.items() if sum(types[end] for end in ENDS) != 1
    }
    assert unfinished == {}
    assert {order["status"] for order in listed(town)} <= FINAL
    assert len(listed(town)) == town.placed


def check_stock(commerce: Sequence[Recorded]) -> None:
    """At no moment was more promised than was there."""
    stocks: dict[str, Any] = {}
    for event in commerce:
        if event.stream.startswith("stock-"):
            before = stocks.get(event.stream, STOCK.initial)
            stocks[event.stream] = STOCK.evolve(before, registry.decode(event, NoKeys()))
            assert stocks[event.stream].available >= 0, event.stream
            assert stocks[event.stream].on_hand >= 0, event.stream


def check_money(town: Town) -> None:
    """All money is where it belongs."""
    reports = town.clients["commerce"].get("/v1/reports/money")
    assert reports
    for report in reports:
        assert (report["difference"], report["refunding"]) == (0, 0), report
        assert report["captured"] > 0


def check_consumers(town: Town, commerce: Sequence[Recorded]) -> None:
    """What other services made of an event they made of it once."""
    campaigns, listening = log_of(town, "campaigns"), log_of(town, "listening")
    sold = zip(
        values(commerce, "order_confirmed", "order_id"),
        values(commerce, "order_confirmed", "person_id"),
        strict=True,
    )
    # Only who came by a visit was touched, and all of them were before they bought.
    led = sorted(order_id for order_id, person in sold if not person.startswith(STRANGER))
    assert led
    assert sorted(values(campaigns, "conversion_attributed", "order_id")) == led
    found = list(values(listening, "mention_detected", "mention_id"))
    assert len(found) == len(set(found)) == town.posts + len(town.visits_chats)
    sent = list(values(listening, "reply_sent", "case_id"))
    assert len(sent) == len(set(sent)) > 0


def check_loop(town: Town) -> None:
    """The live numbers at the logs' ends are those that a replay from zero comes to."""
    found = operating.replay(town.stack.directory, shuffle=None, partitions=1, at_live=False)
    assert found["unread"] == []
    at = ",".join(f"{source}={end}" for source, end in found["positions"].items())
    live = town.clients[LOOP].get("/v1/loop/hash", at=at)
    assert live["positions"] == found["positions"]
    assert (live["hash"], live["unread"]) == (found["hash"], 0)


def values(log: Sequence[Recorded], name: str, field: str) -> Iterator[str]:
    """Yield one field of every event of a type."""
    return (msgspec.json.decode(event.data)[field] for event in log if event.type == name)


def listed(town: Town) -> list[Any]:
    """Return every order that the shop lists."""
    orders, query = list[Any](), {"limit": 200}
    while True:
        page = town.clients["commerce"].get("/v1/orders", **query)
        orders += page["orders"]
        if not page["next"]:
            return orders
        query["cursor"] = page["next"]
