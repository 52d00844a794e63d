"""A shop and its loop under the fault lab: orders of every kind, money, and the loop's numbers."""

import json
import time
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from chassis.clock import SystemClock
from chassis.envelope import Recorded
from chassis.ids import derived_id
from chassis.inbox import Feed
from chassis.log import LaneHead
from chassis.testing.contexts import NOW
from chassis.testing.faultlab.role import Role
from chassis.testing.faultlab.site import KEY
from chassis.testing.faultlab.subject import (
    Answer,
    Around,
    Ask,
    Command,
    Effects,
    Logs,
    Look,
    Scene,
    Shown,
    Subject,
)
from commerce.provider_simulator import ProviderSimulator
from commerce.tables import board
from loop.replay import replay

CUSTOMERS, FEWEST, MOST = 5, 3, 5
PACE_SECONDS = 1.0
BOARD_SECONDS, PAUSE_SECONDS = 5.0, 0.2
GOODS = ("tea", "cup", "pot")
PIECES, SOME, TOO_MANY = 10_000, 9, 50_000
PRICE = {"amount": 9_900, "currency": "TWD"}
ORDERS = "/v1/orders"
PLATFORMS = ("facebook", "line", "webshop")
ENDS = {"order_completed", "order_cancelled", "order_expired"}
FINAL = {"completed", "cancelled", "expired"}
NOT_FOUND = frozenset({404})
JOURNAL = "payments.jsonl"
# What the provider is asked for, by the event that asks.
ASKED = {
    "payment_initiated": "authorise",
    "payment_capture_requested": "capture",
    "payment_void_requested": "void",
    "refund_requested": "refund",
}
# No clock that a fault sets wrong may let an order's time run out; a week later it has.
PATIENCE = {"ORDER_PAYMENT_MINUTES": str(3 * 24 * 60), "ORDER_HOLD_MINUTES": str(4 * 24 * 60)}
WEEK = timedelta(weeks=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of order: how it is paid, what the warehouse does with it, if we have so many."""

    method: str = "tok_ok"
    steps: Sequence[str] = ()
    too_many: bool = False


KINDS = (
    Kind(steps=("ship", "deliver")),
    Kind(steps=("ship", "deliver"), method="tok_repeat"),
    Kind(steps=("ship", "deliver"), method="tok_reordered"),
    Kind(steps=("ship", "deliver", "return")),
    Kind(steps=("ship", "fail")),
    Kind(steps=("fail",)),
    Kind(method="tok_declined"),
    Kind(method="tok_timeout"),
    Kind(method="tok_capture_fails"),
    Kind(method="tok_capture_lost"),
    Kind(too_many=True),
)
# What each step of the warehouse is told, and what the log then has.
STEPS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ship": ("fulfilment_shipped", {"carrier": "post"}),
    "deliver": ("fulfilment_delivered", {}),
    "fail": ("fulfilment_failed", {"reason": "lost"}),
    "return": ("return_received", {"condition": "good"}),
}


def tenant_of(scene: Scene) -> str:
    """Return the company of a scene: its numbers are its own, so that scenes can be compared."""
    return scene.stream("shop")


def stream_of(event: Recorded) -> str:
    """Return a stream's name with its company's: they all sell the same goods."""
    return f"{event.stream}@{event.tenant}"


def opening(scene: Scene) -> list[Command]:
    """List every product and take some in."""
    return [command for sku in GOODS for command in _product(scene, sku)]


def _product(scene: Scene, sku: str) -> Iterator[Command]:
    listed = {"sku": sku, "title": sku, "list": PRICE, "sale": PRICE}
    listed["valid_from"] = (NOW - WEEK).isoformat()
    received = {"sku": sku, "location": "main", "qty": PIECES}
    yield _command(scene, "/v1/products", listed, f"product-{sku}", "product_listed", key=sku)
    stock = f"stock-{sku}@main"
    yield _command(scene, "/v1/stock/receipts", received, stock, "stock_received", key=sku)


def load(scene: Scene) -> list[list[Command]]:
    """Customers order one thing after the other, of kinds that are dealt like cards."""
    counts = [scene.chance.randint(FEWEST, MOST) for _ in range(CUSTOMERS)]
    dealt = [KINDS[number % len(KINDS)] for number in range(sum(counts))]
    scene.chance.shuffle(dealt)
    numbers = iter(enumerate(dealt))
    return [
        [command for _ in range(count) for command in _order(scene, *next(numbers))]
        for count in counts
    ]


def _order(scene: Scene, number: int, kind: Kind) -> Iterator[Command]:
    """Yield an order and what happens to its goods, which waits until it is paid."""
    key = f"order-{number}"
    order_id = derived_id(derived_id(tenant_of(scene), f"POST {ORDERS}", key), "order")
    qty = TOO_MANY if kind.too_many else scene.chance.randint(1, SOME)
    lines = [{"sku": scene.chance.choice(GOODS), "qty": qty}]
    body = {
        "person_id": f"buyer-{number}",
        "origin": {"platform": scene.chance.choice(PLATFORMS), "property": "lab", "mode": "web"},
        "lines": lines,
        "payment_method": kind.method,
    }
    pause = scene.chance.uniform(0.0, PACE_SECONDS)
    yield _command(scene, ORDERS, body, f"order-{order_id}", "order_placed", key=key, pause=pause)
    for step in kind.steps:
        path, (mark, told) = f"{ORDERS}/{order_id}/fulfilment/{step}", STEPS[step]
        told = {**told, "lines": lines} if step == "return" else told
        yield _command(scene, path, told, f"fulfilment-{order_id}", mark, not_yet=NOT_FOUND)


def _command(
    scene: Scene, path: str, body: Mapping[str, Any], stream: str, mark: str, **more: Any
) -> Command:
    tenant = tenant_of(scene)
    given = {"key": path, "tenant": tenant, **more}
    place = {"service": "commerce", "path": path, "stream": f"{stream}@{tenant}"}
    return Command(**place, body=body, mark=mark, **given)


def listed(look: Look) -> Iterator[tuple[str, str]]:
    """Yield the orders on the board."""
    for row in look.db.execute(select(board).order_by(board.c.placed_at)):
        yield f"order-{row.order_id}@{row.tenant}", "order_placed"


def asked(look: Look) -> Iterator[tuple[str, str]]:
    """Yield what the payment provider was asked for."""
    journal = look.folder / JOURNAL
    for line in journal.read_text().splitlines() if journal.exists() else ():
        noted = json.loads(line)
        if "operation" in noted:
            tenant = noted["demand"]["merchant"]
            yield f"payment-{noted['payment_id']}@{tenant}", noted["operation"]


def under_way(folder: Path) -> Iterator[str]:
    """Yield how much the payment provider has still to say."""
    try:
        provider = ProviderSimulator(
            secret=b64decode(KEY), clock=SystemClock(), send=_silent, journal=folder / JOURNAL
        )
    except ValueError:
        yield "the payment provider is writing something down"
    else:
        if provider.untold:
            yield f"the payment provider has {provider.untold} things to say"


def _silent(_url: str, _body: bytes, _headers: Mapping[str, str]) -> int:
    return 503  # who only counts what is untold tells nothing


def shows(scene: Scene, ask: Ask) -> Any:
    """Return what commerce and the loop say of a scene's company."""
    tenant = tenant_of(scene)
    return {
        "tenant": tenant,
        "loop": _newest_hash(tenant, ask),
        "stages": ask("loop", "/v1/loop/stages?cycle=total", tenant=tenant)["stages"],
        "money": ask("commerce", "/v1/reports/money", tenant=tenant),
        "orders": ask("commerce", f"{ORDERS}?limit=200", tenant=tenant)["orders"],
    }


def _newest_hash(tenant: str, ask: Ask) -> Any:
    """Return the loop's hash at the end of commerce's log: what it shows may be a moment old."""
    head = ask("commerce", "/internal/v1/progress")["position"]
    deadline = time.monotonic() + BOARD_SECONDS
    while True:
        shown = ask("loop", "/v1/loop/hash", tenant=tenant)
        if shown["positions"]["commerce"] >= head or time.monotonic() > deadline:
            return shown
        time.sleep(PAUSE_SECONDS)


def model(_scene: Scene, _effects: object, shown: Any) -> Any:
    """Return the loop's hash and numbers, how the orders ended, and where the money is."""
    ended = [(order["status"], order["reason"], order["total"]) for order in shown["orders"]]
    return {
        "hash": shown["loop"]["hash"],
        "weeks": shown["loop"]["cycles"],
        "stages": shown["stages"],
        "money": shown["money"],
        "orders": sorted(ended, key=repr),
    }


def expects(logs: Logs, answers: Sequence[Answer], shown: Shown) -> Iterator[str]:
    """Orders have ended, money is where it belongs, the loop is what its replay comes to."""
    yield from _steps(logs["commerce"])
    placed = {a.body["order_id"] for a in answers if a.command.path == ORDERS}
    ended = {
        order["order_id"]
        for of_scene in shown.values()
        for order in of_scene["orders"]
        if order["status"] in FINAL
    }
    yield from (f"acknowledged and not ended: {order_id}" for order_id in sorted(placed - ended))
    yield from (f"nobody asked for {order_id}" for order_id in sorted(ended - placed))
    for of_scene in shown.values():
        yield from _money(of_scene)
        yield from _replayed(logs, of_scene)


def _steps(commerce: Iterable[Recorded]) -> Iterator[str]:
    """Require that every order took each step once and ended once."""
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for event in commerce:
        if event.stream.startswith("order-"):
            steps[stream_of(event)][event.type] += 1
    for stream, types in steps.items():
        if max(types.values()) > 1 or sum(types[end] for end in ENDS) != 1:
            yield f"{stream} took the steps {dict(types)}"


def _money(shown: Any) -> Iterator[str]:
    """Require that what was captured and not given back is what the standing orders come to."""
    if not shown["money"]:
        yield f"{shown['tenant']} has no money at all"
    for report in shown["money"]:
        if report["difference"] or report["refunding"] or not report["captured"]:
            yield f"{shown['tenant']}'s money: {report}"


def _replayed(logs: Logs, shown: Any) -> Iterator[str]:
    """Require that the live numbers are those that the logs come to."""
    live, tenant = shown["loop"], shown["tenant"]
    if live["positions"]["commerce"] != len(logs["commerce"]) or live["unread"]:
        at, end = live["positions"]["commerce"], len(logs["commerce"])
        yield f"the loop is at {at} of {end} with {live['unread']} unread"
        return
    feeds: Mapping[str, Feed] = {"commerce": WrittenLog(logs["commerce"])}
    found = replay(feeds, at=live["positions"], tenant=tenant)
    if found.hash != live["hash"]:
        yield f"the loop's hash for {tenant} is {live['hash'][:12]}, replayed {found.hash[:12]}"


class WrittenLog:
    """The feed of a log that was read as a whole."""

    def __init__(self, log: Sequence[Recorded]) -> None:
        self._lanes: dict[int, list[Recorded]] = defaultdict(list)
        for event in log:
            self._lanes[event.lane].append(event)

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""
        last = {lane: events[-1] for lane, events in self._lanes.items()}
        return {at: LaneHead(position=one.position, chain=one.chain) for at, one in last.items()}

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of a lane."""
        behind = [event for event in self._lanes[lane] if event.position > after.position]
        return behind[:limit]


def environment(around: Around) -> Mapping[str, str]:
    """Return where the payment provider is, where it reaches us, and where the loop's facts lie."""
    provider = around.urls["payments"]
    return {
        **PATIENCE,
        "PAYMENT_PROVIDER_URL": provider,
        "PAYMENT_PROVIDER_PORT": provider.rpartition(":")[2],
        "PAYMENT_PROVIDER_JOURNAL": str(around.folder / JOURNAL),
        "COMMERCE_PUBLIC_URL": around.urls["commerce"],
        "FACTS_FILE": str(around.folder / "facts.duckdb"),
        "TIMER_POLL_SECONDS": "0.1",
    }


SUBJECT = Subject(
    roles={"commerce": ("worker", "relay"), "loop": ("live",)},
    own_roles={
        "live": Role(runs="loop", serves=True, consumes=True, leads=True, alone=True)
    },
    outside={"payments": "commerce.provider_simulator"},
    upstream={"loop": ("commerce",)},
    absent={"commerce": ("identity", "listening")},
    scopes=("commerce.read", "commerce.write", "loop.read"),
    opening=opening,
    load=load,
    stream=stream_of,
    mark=lambda event: event.type,
    effects=[
        Effects(
            name="board", service="commerce", source="commerce", read=listed,
            mark=lambda event: event.type if event.type == "order_placed" else None,
        ),
        Effects(
            name="provider", service="commerce", source="commerce", read=asked, repeats=True,
            mark=lambda event: ASKED.get(event.type),
        ),
    ],
    shows=shows,
    model=model,
    expects=expects,
    under_way=under_way,
    later=WEEK,
    environment=environment,
)  # fmt: skip
