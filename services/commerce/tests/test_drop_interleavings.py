"""Whatever happens in whatever order: a drop sells no piece twice and lets nobody jump the line."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.timers import fire_due
from commerce.drop import DROP
from commerce.drop_events import (
    DropEntryBought,
    DropEntryPassedOver,
    DropEntryRevived,
    DropEntryUsed,
    DropGranted,
)
from commerce.order_events import ReturnReceived
from commerce.stock import STOCK
from stories import Chance, by_chance, few

STOCKED, PER_PERSON = 3, 2
PEOPLE = ("p1", "p2", "p3", "p4", "p5")
METHODS = (
    "tok_ok",
    "tok_declined",
    "tok_timeout",
    "tok_late",
    "tok_late_captured",
    "tok_reordered",
    "tok_capture_fails",
    "tok_capture_lost",
)
people, some = st.sampled_from(PEOPLE), st.integers(0, 7)
comings = st.tuples(st.just("enter"), people, st.integers(1, 2))
orders = st.tuples(st.just("order"), some, st.sampled_from(METHODS))
merges = st.tuples(st.just("merge"), people, people)
losses = st.tuples(st.just("lose_phone"), people)
wishes = st.tuples(st.sampled_from(["cancel", "ship", "deliver", "fail", "return"]), some)
turns = st.tuples(st.just("turn"), st.integers(0, 7))
time = st.tuples(st.just("time"), st.integers(1, 16))
rest = st.sampled_from([("provider",), ("timers",), ("settle",)])
stories = st.lists(
    st.one_of(comings, comings, orders, orders, merges, losses, wishes, turns, time, rest),
    min_size=6,
    max_size=40,
)
BODIES = {
    "cancel": {"reason": "changed_my_mind"},
    "ship": {"carrier": "post"},
    "deliver": {},
    "fail": {"reason": "address_unknown"},
    "return": {"lines": [{"sku": "redmi", "qty": 1}], "condition": "good"},
}


class Teller:
    """Tells one story about one drop."""

    def __init__(self, shop: Any, site: Any) -> None:
        self.shop = shop
        self.site = site
        site.verify(*PEOPLE)
        self.drop_id = site.announce(
            STOCKED, more_in_store=1, per_person=PER_PERSON, pay_within_minutes=10
        )
        self.entries: list[tuple[Any, str]] = []
        self.placed: list[str] = []
        self.person = {who: who for who in PEOPLE}

    def tell(self, action: Sequence[Any]) -> None:
        """Let one thing happen; what is refused did not happen."""
        match action:
            case ("enter", who, qty):
                self._enter(who, qty)
            case ("order", which, method) if self.entries:
                self._order(*self.entries[which % len(self.entries)], method)
            case ("merge", survivor, absorbed) if self.person[survivor] != self.person[absorbed]:
                self._merge(survivor, absorbed)
            case ("lose_phone", who):
                data = {"phone_id": f"phone-of-{who}", "person_id": who}
                self.shop.service.receive("identity", "phone_released", data)
            case (wish, which) if wish in BODIES and self.placed:
                self._ask(self.placed[which % len(self.placed)], wish)
            case _:
                self._go_on(action)

    def _go_on(self, action: Sequence[Any]) -> None:
        """Let one of those who work in the background, or time, get on."""
        match action:
            case ("turn", which):
                followers = self.shop.service.followers
                followers[which % len(followers)].step()
            case ("time", minutes):
                self.shop.service.clock.advance(timedelta(minutes=minutes))
            case ("provider",):
                self.shop.provider.step()
            case ("timers",):
                fire_due(self.shop.service.storage)
            case ("settle",):
                self.shop.settle()

    def history(self, stream: str) -> list[Any]:
        """Return the events of one stream."""
        return [e.event for e in self.shop.service.happened() if e.envelope.stream == stream]

    def drop(self) -> list[Any]:
        """Return the drop's events."""
        return self.history(f"drop-{self.drop_id}")

    def _enter(self, who: str, qty: int) -> None:
        answer = self.site.try_to_enter(self.drop_id, who, qty=qty)
        assert answer.status_code in {201, 409}, answer.text
        if answer.status_code == 201:
            self.entries.append((answer.json, who))

    def _order(self, entry: Any, who: str, method: str) -> None:
        answer = self.site.try_to_order(entry, who, payment_method=method)
        assert answer.status_code in {201, 409}, answer.text
        if answer.status_code == 201:
            self.placed.append(answer.json["order_id"])
            assert self._ordered(self.person[who]) <= PER_PERSON

    def _ordered(self, person: str) -> int:
        """Return how many pieces one person has ordered, but for orders brought back late."""
        drop = DROP.fold(self.drop())
        kin = {who for who, behind in self.person.items() if behind == person}
        late = {event.entry_id for event in self.drop() if isinstance(event, DropEntryRevived)}
        return sum(
            entry.qty
            for entry in drop.entries.values()
            if entry.status in {"used", "bought"}
            and entry.person_id in kin
            and entry.entry_id not in late | self._before_merging
        )

    _before_merging: frozenset[Any] = frozenset()

    def _merge(self, survivor: str, absorbed: str) -> None:
        data = {"survivor": self.person[survivor], "absorbed": self.person[absorbed]}
        self.shop.service.receive("identity", "persons_merged", data)
        gone, here = self.person[absorbed], self.person[survivor]
        self.person = {who: here if by == gone else by for who, by in self.person.items()}
        # Whoever ordered as two before they were known to be one has both orders.
        self._before_merging |= {
            event.entry_id for event in self.drop() if isinstance(event, DropEntryUsed)
        }

    def _ask(self, order_id: str, wish: str) -> None:
        path = "cancel" if wish == "cancel" else f"fulfilment/{wish}"
        answer = self.shop.service.call(
            "POST", f"/v1/orders/{order_id}/{path}", BODIES[wish], headers={"If-Match": "*"}
        )
        assert answer.status_code in {200, 404, 409, 422}, answer.text


def nothing_sold_twice(teller: Teller) -> None:
    """Assert that the drop's place never promises more than is there, nor the drop at its end."""
    goods = teller.history(f"stock-redmi@drop-{teller.drop_id}")
    for length in range(1, len(goods) + 1):
        stock = STOCK.fold(goods[:length])
        assert stock.available >= 0, goods[:length]
        assert stock.on_hand >= 0
    back = sum(
        line.qty
        for entry in teller.shop.service.happened("return_received")
        if isinstance(entry.event, ReturnReceived)
        for line in entry.event.lines
    )
    facts = teller.drop()
    sold = DROP.fold(facts).sold
    assert sold <= STOCKED + back
    assert sum(isinstance(event, DropEntryBought) for event in facts) >= (sold > 0)


def nobody_jumped_the_line(teller: Teller) -> None:
    """Assert that turns come in the order of arrival, each once, and that it sold out once."""
    facts = teller.drop()
    number = {event.entry_id: event.number for event in facts if hasattr(event, "number")}
    assert list(number.values()) == list(range(1, len(number) + 1))
    turns_taken = [
        number[event.entry_id]
        for event in facts
        if isinstance(event, DropGranted | DropEntryPassedOver)
    ]
    assert turns_taken == list(range(1, len(turns_taken) + 1))
    assert len(teller.shop.service.happened("drop_sold_out")) <= 1
    assert len(teller.shop.service.happened("drop_closed")) == 1


def everything_found_its_place(teller: Teller) -> None:
    """Assert that the drop, its place, its board and the money agree once all is over."""
    drop = DROP.fold(teller.drop())
    on_hand, reserved, confirmed = teller.site.stock(teller.drop_id)
    assert (on_hand - reserved - confirmed, reserved) == (0, 0)
    late = any(isinstance(event, DropEntryRevived) for event in teller.drop())
    assert drop.free == 0 or (late and drop.free < 0)
    open_entries = {"granted", "used"}
    assert not any(entry.status in open_entries for entry in drop.entries.values())
    shown = teller.site.show(teller.drop_id)
    counts = shown["sold"], shown["granted"], shown["ordered"], shown["waiting"]
    assert counts == (drop.sold, 0, 0, drop.entered - drop.served)
    assert shown["state"] == ("sold_out" if drop.sold_out else "closed")
    money = teller.shop.service.get("/v1/reports/money")
    assert [report["difference"] for report in money] == [0] * len(money)
    stuck = {entry["process"] for entry in teller.shop.stuck()}
    assert stuck <= {"order_process"}  # paid, and nobody has told what became of the parcel


def a_drop_is_fair(make_shop: Any, site_of: Any, story: Any) -> None:
    """Let a story happen, and see that it broke nothing."""
    with TemporaryDirectory() as directory:
        shop = make_shop(Path(directory))
        teller = Teller(shop, site_of(shop))
        for action in story:
            teller.tell(action)
        nothing_sold_twice(teller)
        for _ in range(8):
            shop.later(20)
        nothing_sold_twice(teller)
        nobody_jumped_the_line(teller)
        everything_found_its_place(teller)


@few(25)
@given(story=stories)
def test_a_drop_is_fair_and_adds_up_in_every_order_of_events(
    make_shop: Any, site_of: Any, story: Any
) -> None:
    """Some unlucky moment would sell a piece twice, lose one, or serve the last one first."""
    a_drop_is_fair(make_shop, site_of, story)


CHANCE = Chance()


@by_chance
@given(story=stories)
def test_a_drop_is_fair_in_stories_of_chance(make_shop: Any, site_of: Any, story: Any) -> None:
    """The few stories of the quick check would be all that was ever tried."""
    CHANCE.tell(lambda: a_drop_is_fair(make_shop, site_of, story))
