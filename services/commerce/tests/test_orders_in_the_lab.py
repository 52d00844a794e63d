"""The order process under simulated crashes, lost answers, late messages and wrong clocks."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from uuid import UUID

import httpx
import pytest

from chassis.envelope import Recorded
from chassis.errors import Conflict
from chassis.money import Money
from chassis.testing.simulation.commands import Command, in_one_unit
from chassis.testing.simulation.invariants import MECHANISM, Findings
from chassis.testing.simulation.lab import Lab
from chassis.testing.simulation.runner import first_violation
from chassis.testing.simulation.schedule import Schedule
from chassis.testing.simulation.steps import Ask, Sicken, Turn
from chassis.unit_of_work import UnitOfWork
from commerce import handlers, ordering
from commerce.bootstrap import BLUEPRINT
from commerce.examples import LIST, ORIGIN, PRICE
from commerce.gateways import PaymentProvider, calls_to
from commerce.messages import (
    LineRequest,
    OrderRequest,
    ProductRequest,
    ProviderCallback,
    ReceiptRequest,
)
from commerce.product import NotOffered, ProductUnknown
from commerce.settings import Terms

SCHEDULES = 25
NEWS = {
    "payment_initiated": "authorized",
    "payment_capture_requested": "captured",
    "payment_void_requested": "voided",
    "refund_requested": "refunded",
}
ENDED = {"confirmed", "completed", "cancelled", "expired"}
# The lab asks a gateway only which events it wants to know; it calls nobody.
NOBODY = PaymentProvider(httpx.Client(), callbacks="http://commerce.test")
COMMERCE = replace(BLUEPRINT, gateways={"payment": lambda storage: calls_to(storage, NOBODY)})


def stock(work: UnitOfWork) -> None:
    """Offer shirts, and have two of them."""
    handlers.offer_product(
        work, ProductRequest(sku="shirt", title="A shirt", list=LIST, sale=PRICE)
    )
    handlers.receive_stock(work, ReceiptRequest(sku="shirt", qty=2))


def order(qty: int, work: UnitOfWork) -> None:
    """Order some, once there is an offer."""
    wanted = OrderRequest(
        person_id="p1",
        origin=ORIGIN,
        lines=(LineRequest(sku="shirt", qty=qty),),
        payment_method="tok_ok",
    )
    try:
        ordering.place_order(work, wanted, Terms())
    except (ProductUnknown, NotOffered) as early:
        raise Conflict("the shop is not open yet") from early


def workload(random: Random) -> Sequence[Command]:
    """Return more wishes than there are shirts, now and then."""
    orders = [
        Command(
            service="commerce",
            name=f"order {number}",
            run=in_one_unit(partial(order, random.randint(1, 2))),
        )
        for number in range(random.randint(1, 2))
    ]
    return [Command(service="commerce", name="open", run=in_one_unit(stock)), *orders]


def provider(_gateway: str, asked: Recorded) -> Sequence[Command]:
    """Let the provider do whatever it is asked, some time."""
    data, kind = json.loads(asked.data), NEWS[asked.type]
    news = ProviderCallback(
        callback_id=str(asked.id),
        payment_id=data["payment_id"],
        kind=kind,  # type: ignore[arg-type]  # one of its own
        amount=Money(**data["amount"]),
        refund_id=UUID(data["refund_id"]) if "refund_id" in data else None,
        sent_at=asked.occurred_at,
    )
    hear = in_one_unit(lambda work: handlers.hear_provider(work, news))
    name = f"{kind}: {asked.stream} {asked.version}"
    return [Command(service="commerce", name=name, run=hear, cause=asked)]


def every_order_ends(found: Findings) -> Iterator[str]:
    """No order hangs, and no money is kept for goods that nobody gets."""
    if found.broken_off:
        return
    for order_id, status in found.rows("commerce", "SELECT order_id, status FROM order_board"):
        if status not in ENDED:
            yield f"{order_id} is {status}"
    kept = "SELECT order_id FROM money_of_orders WHERE NOT stands AND captured <> refunded"
    yield from (f"{order_id} keeps the money" for (order_id,) in found.rows("commerce", kept))


def nothing_is_sold_twice(found: Findings) -> Iterator[str]:
    """No more is promised than is there."""
    sold = "SELECT sku, on_hand, reserved, confirmed FROM available_to_sell"
    for sku, on_hand, reserved, confirmed in found.rows("commerce", sold):
        if on_hand < reserved + confirmed:
            yield f"{reserved + confirmed} of {on_hand} {sku} are promised"


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(
        [COMMERCE],
        workload,
        invariants=(*MECHANISM, every_order_ends, nothing_is_sold_twice),
        answers=provider,
        variants=8,
    )


def test_orders_end_well_whatever_happens_to_the_machinery(lab: Lab) -> None:
    """A crash at an unlucky moment would sell a shirt twice, or keep money without goods."""
    violation = first_violation(lab, range(SCHEDULES))

    assert violation is None, f"\n{violation}"


def test_money_that_comes_while_its_order_is_parked_is_counted(lab: Lab) -> None:
    """A customer's payment would be missing from the books for good."""
    commands = ("open", "order 0")
    steps = (
        Ask(replica="commerce/0", command="open"),
        Sicken(service="commerce", reader="money_of_orders", times=4, error="Conflict"),
        Ask(replica="commerce/0", command="order 0"),
        Turn(replica="commerce/0", role="projections"),
    )

    ran = lab.replay(0, Schedule(commands=commands, steps=steps))

    assert ran.troubles == []
    captured = "SELECT captured FROM money_of_orders WHERE stands"
    assert len(ran.findings.rows("commerce", captured)) == 1
