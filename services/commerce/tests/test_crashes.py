"""The order process is killed at every point it passes; the order ends as if nothing happened."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.faults import set_hook
from chassis.testing.contexts import NOW

POINTS = {
    "order_process.handled",
    "order_process.before_commit",
    "payment_provider.called",
    "timer.before_commit",
}


class Killed(Exception):
    """The process died here."""


class Killer:
    """Counts the points that are passed and kills at one of them, once."""

    def __init__(self, at: int | None = None) -> None:
        self.passed = 0
        self.killed = False
        self._at = at

    def __call__(self, point: str) -> None:
        if point not in POINTS:
            return
        self.passed += 1
        if self.passed == self._at:
            self.killed = True
            raise Killed(point)


@pytest.fixture(autouse=True)
def _no_killer_afterwards() -> Iterator[None]:
    yield
    set_hook(None)


def surviving(step: Callable[[], None]) -> None:
    """Do something, and again after the process was killed and came back."""
    try:
        step()
    except Killed:
        step()


def live(shop: Any, method: str, ending: str, minutes: Sequence[int]) -> list[Any]:
    """Lead one order to its end, and return all that was recorded, stream by stream."""
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
    undisturbed = Killer()
    set_hook(undisturbed)
    expected = live(make_shop(tmp_path / "undisturbed"), method, ending, minutes)
    assert undisturbed.passed > 3

    for at in range(1, undisturbed.passed + 1):
        killer = Killer(at)
        set_hook(killer)
        assert live(make_shop(tmp_path / str(at)), method, ending, minutes) == expected, (
            f"killed at {at}"
        )
        assert killer.killed
