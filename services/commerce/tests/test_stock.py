"""Stock: never more promised than is there."""

from dataclasses import replace
from datetime import timedelta

from chassis.testing.scenario import Scenario
from commerce import examples
from commerce.events import StockEvent
from commerce.stock import (
    STOCK,
    Adjust,
    BelowPromised,
    Confirm,
    CountOut,
    Expire,
    MoreThanConfirmed,
    OutOfStock,
    Place,
    Release,
    ReservationLost,
    Reserve,
    Ship,
    Stock,
    StockCommand,
    Wanted,
)

PLACE = Place(sku="shirt-m", location="main")
RECEIVED, RESERVED = examples.STOCK_RECEIVED, examples.STOCK_RESERVED
CONFIRMED = examples.RESERVATION_CONFIRMED
NAMES = (examples.RESERVATION,)


def given(*history: StockEvent) -> Scenario[Stock, StockCommand, StockEvent]:
    return Scenario(STOCK, history)


def reserve(*quantities: int) -> Reserve:
    return Reserve(
        place=PLACE,
        order_id=examples.ORDER_ID,
        lines=tuple(
            Wanted(reservation=f"{examples.ORDER_ID}.1.{number}", qty=qty)
            for number, qty in enumerate(quantities)
        ),
        expires_at=examples.LATER,
    )


def ship(qty: int) -> Ship:
    return Ship(place=PLACE, lines=(Wanted(reservation=examples.RESERVATION, qty=qty),))


def confirm() -> Confirm:
    return Confirm(place=PLACE, reservations=NAMES, at=examples.LATER)


def test_goods_are_held_for_an_order() -> None:
    """A paid order would find its goods sold to somebody else."""
    given(RECEIVED).when(reserve(2)).then(RESERVED)


def test_lines_that_fit_only_alone_are_refused_together() -> None:
    """Six and five pieces of ten would be promised at once."""
    given(RECEIVED).when(reserve(6, 5)).then_rejected(OutOfStock)


def test_what_is_held_or_confirmed_is_not_sold_again() -> None:
    """Eight are left when two of ten are promised, whether paid or not."""
    given(RECEIVED, RESERVED).when(reserve(2, 9)).then_rejected(OutOfStock)
    given(RECEIVED, RESERVED, CONFIRMED).when(reserve(2, 9)).then_rejected(OutOfStock)


def test_the_same_reservation_again_holds_nothing_more() -> None:
    """A repeated step would hold the goods twice."""
    given(RECEIVED, RESERVED).when(reserve(2)).then_nothing()


def test_a_hold_that_ended_is_not_confirmed() -> None:
    """Goods would belong to two orders, or to one that paid too late."""
    given(RECEIVED, RESERVED, examples.RESERVATION_EXPIRED).when(confirm()).then_rejected(
        ReservationLost
    )
    late = replace(confirm(), at=examples.LATER + timedelta(microseconds=1))
    given(RECEIVED, RESERVED).when(late).then_rejected(ReservationLost)
    given(RECEIVED, RESERVED).when(confirm()).then(CONFIRMED)


def test_confirmed_goods_do_not_expire() -> None:
    """A paid order would lose its goods to the clock."""
    expire = Expire(place=PLACE, reservations=NAMES)
    given(RECEIVED, RESERVED, CONFIRMED).when(expire).then_nothing()
    given(RECEIVED, RESERVED).when(expire).then(examples.RESERVATION_EXPIRED)


def test_releasing_twice_gives_the_goods_back_once() -> None:
    """More would be for sale than is there."""
    release = Release(place=PLACE, reservations=NAMES, reason="out_of_stock")
    given(RECEIVED, RESERVED).when(release).then(examples.RESERVATION_RELEASED)
    given(RECEIVED, RESERVED, examples.RESERVATION_RELEASED).when(release).then_nothing()


def test_only_confirmed_goods_leave() -> None:
    """Unpaid goods would be sent, or more than were paid."""
    given(RECEIVED, RESERVED).when(ship(2)).then_rejected(MoreThanConfirmed)
    given(RECEIVED, RESERVED, CONFIRMED).when(ship(3)).then_rejected(MoreThanConfirmed)
    given(RECEIVED, RESERVED, CONFIRMED).when(ship(2)).then(examples.STOCK_SHIPPED)


def test_a_count_below_what_is_promised_is_refused() -> None:
    """Orders that stand could not be sent."""
    adjust = Adjust(place=PLACE, qty=-9, reason="counted")
    given(RECEIVED, RESERVED).when(adjust).then_rejected(BelowPromised)
    given(RECEIVED).when(replace(adjust, qty=-1)).then(examples.STOCK_ADJUSTED)


def test_what_left_is_counted_out_though_it_was_promised() -> None:
    """What is gone would be sold for as long as somebody waits for it."""
    gone = CountOut(place=PLACE, qty=9, reason="left_after_all")
    out = replace(examples.STOCK_ADJUSTED, qty=-9, reason="left_after_all")
    given(RECEIVED, RESERVED).when(gone).then(out)
    given(RECEIVED, RESERVED, out).when(reserve(2, 1)).then_rejected(OutOfStock)
    found = Adjust(place=PLACE, qty=1, reason="counted")
    given(RECEIVED, RESERVED, out).when(found).then(replace(out, qty=1, reason="counted"))


def test_more_cannot_leave_than_was_there() -> None:
    """The count would fall below nothing, and the next delivery be taken for fewer."""
    gone = CountOut(place=PLACE, qty=12, reason="left_after_all")
    more = replace(examples.STOCK_ADJUSTED, qty=2, reason="uncounted")
    given(RECEIVED).when(gone).then(more, replace(more, qty=-12, reason="left_after_all"))
