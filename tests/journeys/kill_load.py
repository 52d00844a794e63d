"""Keeps a stack busy while its processes are killed: orders of every kind, mentions, replies."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from sixfold.client import Clients, Refused
from sixfold.demo import journeys, monday
from sixfold.feeding import Fed, Person, feed_people, feed_rows, feed_visits
from sixfold.following_up import fulfil_orders
from sixfold.journeys import PAYMENT_ERROR, PURCHASE, SUPPORT_CHAT, Visit
from sixfold.parts import SERVICES
from sixfold.setting_up import open_shop
from sixfold.settling import Progress, parked, wait_until_settled
from sixfold.shop import BRAND, CURRENCY, TENANT
from sixfold.stack import Stack, clients_of
from sixfold.storefront import MAIN, storefront_of

MOST_VISITS = 25
PACE_SECONDS = 0.1
DEADLINE = 240.0
STRANGER = "buyer-"
NOT_OPEN = "no_such_case"
SCARCE, PIECES = "moon-cake", 12
METHODS = (
    "tok_ok", "tok_declined", "tok_ok", "tok_timeout", "tok_repeat", "tok_reordered",
    "tok_capture_fails", "tok_capture_lost",
)  # fmt: skip
ORDERS = {PURCHASE, PAYMENT_ERROR}
BUSY = {*ORDERS, SUPPORT_CHAT}


def visits() -> list[Visit]:
    """Return the demonstration's first visits that bought, failed to pay, or asked something."""
    found = journeys()
    wanted = [
        visit
        for step in sorted(BUSY)
        for visit in [visit for visit in found if step in visit.steps][:MOST_VISITS]
    ]
    return sorted({visit.session: visit for visit in wanted}.values(), key=lambda v: v.started_at)


class Town:
    """A stack with a shop in it, and what it was told so far."""

    def __init__(self, stack: Stack, busy: Sequence[Visit]) -> None:
        self.stack = stack
        self.clients = self.callers()
        self.fed = Fed()
        self.orders: list[str] = []
        self.posts = 0
        self._unanswered: list[str] = []
        self._failures: list[Exception] = []
        self.visits_orders: set[tuple[object, ...]] = set()
        self.visits_chats: set[tuple[object, ...]] = set()
        self._busy = iter(busy)
        self._numbers = count()
        self._ends = busy[-1].ended_at + timedelta(weeks=1)
        self._persona = open_shop(self.clients, stack.clock.now())
        self._stock_scarce_goods()
        self.rest()
        self._shop = storefront_of(self.clients["commerce"], TENANT, brand=BRAND)
        self._people: Mapping[str, Person] = feed_people(
            self.clients["identity"], self._shop, busy, self.fed
        )
        feed_visits(self.clients["campaigns"], busy, self._people, self.fed)

    def callers(self) -> Clients:
        """Return clients that no other thread uses."""
        return clients_of(self.stack.addresses.urls, self.stack.token, TENANT)

    @property
    def placed(self) -> int:
        """How many orders were taken."""
        return len(self.orders) + len(self.visits_orders)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Keep customers coming while the block runs; raises what went wrong for one of them."""
        enough = threading.Event()
        thread = threading.Thread(target=self._serve, args=(enough,))
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()
            self.check_customers()

    def check_customers(self) -> None:
        """Fail if a customer could not be served."""
        if self._failures:
            raise self._failures.pop()

    def order(self, clients: Clients, number: int) -> None:
        """Place one order; every fourth wants what there is too little of."""
        goods = [sku for sku in self._shop.goods if sku != SCARCE]
        sku = SCARCE if number % 4 == 0 else goods[number % len(goods)]
        origin = {"platform": "webshop", "property": "kill", "mode": "web"}
        body = {
            "person_id": f"{STRANGER}{number}",
            "origin": {**origin, "content": None, "touch": None},
            "lines": [{"sku": sku, "qty": 1}],
            "location": MAIN,
            "payment_method": METHODS[number % len(METHODS)],
        }
        answer = clients["commerce"].post("/v1/orders", body, key=f"order-{number}")
        self.orders.append(answer["order_id"])

    def mention(self, clients: Clients, number: int) -> None:
        """Post about the brand."""
        body = {
            "platform": "weibo",
            "post_id": f"post-{number}",
            "author_id": f"author-{number}",
            "author_name": "Somebody",
            "text": "Lantern Tea is great",
            "kind": "post",
            "brand": None,
            "posted_at": self.stack.clock.now().isoformat(),
        }
        taken = clients["listening"].post("/v1/mentions", body)
        self.posts += taken["recorded"]
        self._unanswered += [each["case_id"] for each in taken["conversations"]]

    def reply(self, clients: Clients) -> None:
        """Answer the posts whose case is open by now."""
        reply = {"text": "Thank you!", "persona_id": self._persona}
        while self._unanswered:
            try:
                clients["listening"].post(f"/v1/cases/{self._unanswered[0]}/replies", reply)
            except Refused as refusal:
                if refusal.code != NOT_OPEN:
                    raise
                return
            self._unanswered.pop(0)

    def rest(self, *, timers: bool = False) -> Progress:
        """Wait until nothing is under way and nothing waits for another try."""
        now, end = self.stack.clock.now() if timers else None, time.monotonic() + DEADLINE
        while parked(progress := wait_until_settled(self.clients, now, deadline=DEADLINE)):
            waiting = self._parked()
            assert all(one["due_at"] or not one["error"] for one in waiting), waiting
            assert time.monotonic() < end, waiting
            time.sleep(0.2)
        return progress

    def let_time_pass(self) -> None:
        """Let every time limit pass."""
        self.stack.clock.set(max(self._ends, self.stack.clock.now() + timedelta(hours=1)))

    def finish(self) -> None:
        """Deliver what is paid, let every time limit pass, and come to rest."""
        self.rest()
        self.reply(self.clients)
        fulfil_orders(self.clients["commerce"])
        self.let_time_pass()
        self.rest(timers=True)
        fulfil_orders(self.clients["commerce"])
        self.rest(timers=True)

    def _parked(self) -> list[Any]:
        return [
            one
            for service in SERVICES
            for one in self.clients[service].get("/internal/v1/parked")["parked"]
        ]

    def _serve(self, enough: threading.Event) -> None:
        clients = self.callers()
        try:
            while not enough.is_set():
                self._serve_one(clients, next(self._numbers))
                enough.wait(PACE_SECONDS)
        except Exception as error:  # noqa: BLE001  # raised again where the test sees it
            self._failures.append(error)

    def _serve_one(self, clients: Clients, number: int) -> None:
        self.order(clients, number)
        self.mention(clients, number)
        self.reply(clients)
        visit = next(self._busy, None)
        if visit is not None:
            feed_rows(clients, self._shop, [visit], self._people, self.fed)
            # An answer that was lost with its process comes again as known, so we count ourselves.
            told = [(visit.session, row.event, row.at) for row in visit.rows]
            self.visits_orders.update(row for row in told if row[1] in ORDERS)
            self.visits_chats.update(row for row in told if row[1] == SUPPORT_CHAT)

    def _stock_scarce_goods(self) -> None:
        price = {"amount": 9_900, "currency": CURRENCY}
        product = {"sku": SCARCE, "title": "Moon cake", "list": price, "sale": price}
        self.clients["commerce"].post("/v1/products", product)
        receipt = {"sku": SCARCE, "location": MAIN, "qty": PIECES}
        self.clients["commerce"].post("/v1/stock/receipts", receipt)


def started_at(busy: Sequence[Visit]) -> Any:
    """Return where the clock begins."""
    return monday(busy[0].started_at)
