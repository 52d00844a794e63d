"""The order process is killed at every point it passes; the order ends as if nothing happened."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.faults import set_hook
from chassis.testing.contexts import NOW

SAGA = {"processes", "payment_provider"}  # read models have no part in it
MOST_KILLS = 200


class Killed(Exception):
    """The process died here."""


class Killer:
    """Kills once at every point that is passed, so each step is cut off before it succeeds."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self._commits = 0
        self._passed = 0
        self._known: set[tuple[int, int, str]] = set()

    def __call__(self, point: str) -> None:
        self._passed += 1
        place = (self._commits, self._passed, point)
        committed = point.endswith(".committed")
        if committed:
            self._commits += 1
        if committed or place not in self._known:
            self._passed = 0
        if place not in self._known:
            self._known.add(place)
            self.kills[point] += 1
            raise Killed(point)


@pytest.fixture(autouse=True)
def _no_killer_afterwards() -> Iterator[None]:
    yield
    set_hook(None)


def surviving(step: Callable[[], None]) -> None:
    """Do something, again and again, until the process is no longer killed over it."""
    for _ in range(MOST_KILLS):
        with suppress(Killed):
            step()
            return
    raise AssertionError("it never gets any further")


def live(shop: Any, method: str, ending: str, minutes: Sequence[int]) -> list[Any]:
    """Lead one order to its end, and return all that was recorded, stream by stream."""
    followers = shop.service.followers
    shop.service.followers = [follower for follower in followers if follower.name in SAGA]
    shop.stocked(shirt=2, shoes=1)
    body = {"method": method, "person_id": "p1"}
    order_id = shop.order(("shirt", 1), ("shoes", 2 if ending == "short" else 1), key="k", **body)
    for minute in minutes:
        shop.service.clock.set(NOW + timedelta(minutes=minute))
        surviving(shop.settle)
    if ending in {"fail", "return"}:
        act(shop, order_id, ending)
        surviving(shop.settle)
    recorded = [
        (entry.envelope.stream, entry.envelope.version, entry.type, told_once(entry.event))
        for entry in shop.service.happened()
    ]
    return sorted(recorded, key=lambda fact: fact[:2])


def told_once(event: Any) -> Any:
    """Return an event without the provider's id of the news, which is new in every run."""
    return replace(event, callback_id="") if hasattr(event, "callback_id") else event


def act(shop: Any, order_id: str, ending: str) -> None:
    """Tell what became of the parcel."""
    if ending == "fail":
        shop.goods(order_id, "fail", reason="address_unknown")
        return
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    if ending == "return":
        shop.goods(order_id, "return", lines=[{"sku": "shoes", "qty": 1}], condition="good")


@pytest.mark.parametrize(
    ("method", "ending", "minutes"),
    [
        ("tok_ok", "short", [0]),
        ("tok_ok", "fail", [0]),
        ("tok_ok", "return", [0]),
        ("tok_declined", "", [0]),
        ("tok_timeout", "", [0, 15]),
        ("tok_late_captured", "", [0, 15, 16]),
        ("tok_capture_fails", "", [0]),
        ("tok_capture_lost", "", [0, 15]),
    ],
)
def test_an_order_survives_a_kill_at_every_step(
    make_shop: Any, tmp_path: Path, method: str, ending: str, minutes: list[int]
) -> None:
    """After a crash an order would hang, or goods or money would move twice."""
    expected = live(make_shop(tmp_path / "undisturbed"), method, ending, minutes)
    killer = Killer()
    set_hook(killer)

    assert live(make_shop(tmp_path / "killed"), method, ending, minutes) == expected

    steps = sum(fact[2] == "process_advanced" for fact in expected)
    assert killer.kills["order_process.handled"] >= steps
    assert killer.kills["order_process.before_commit"] >= 1
    if ending != "short":
        assert killer.kills["payment_provider.called"] >= 1
    if len(minutes) > 1:
        assert killer.kills["timer.before_commit"] >= 1
