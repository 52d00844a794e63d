"""What a cart allows, and when it counts as left."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from chassis.testing.scenario import Scenario
from commerce import cart_examples as examples
from commerce.cart import (
    CART,
    MOST_LINES,
    Abandon,
    Cart,
    CartCommand,
    CartFull,
    CartOrdered,
    CartUnknown,
    CheckOut,
    OpenCart,
    SetLine,
)
from commerce.cart_events import CartEvent, CartReopened

OPENED, ADDED, CHANGED = examples.CART_OPENED, examples.LINE_ADDED, examples.LINE_CHANGED
REMOVED, ORDERED, LEFT = examples.LINE_REMOVED, examples.CART_CHECKED_OUT, examples.CART_ABANDONED
ID, AT, UNTIL = examples.CART_ID, examples.AT, examples.UNTIL
ASKED = LEFT.last_enquiry


def cart(*history: CartEvent) -> Scenario[Cart, CartCommand, CartEvent]:
    return Scenario(CART, history)


def setting(qty: int, sku: str = "shirt-m") -> SetLine:
    return SetLine(cart_id=ID, sku=sku, qty=qty, at=AT, until=UNTIL)


def test_a_cart_is_opened_once() -> None:
    """A repeated request would begin the cart anew and lose what was in it."""
    command = OpenCart(cart_id=ID, buyer="person-1", origin=OPENED.origin, at=AT)
    cart().when(command).then(OPENED)
    cart(OPENED, ADDED).when(command).then_nothing()


def test_a_quantity_is_set_and_not_added() -> None:
    """A second click on the same number would put twice as much into the cart."""
    cart(OPENED).when(setting(1)).then(ADDED)
    cart(OPENED, ADDED).when(setting(1)).then_nothing()
    cart(OPENED, ADDED).when(setting(2)).then(CHANGED)
    cart(OPENED, ADDED, CHANGED).when(setting(0)).then(REMOVED)
    cart(OPENED).when(setting(0)).then_nothing()
    cart().when(setting(1)).then_rejected(CartUnknown)


def test_a_cart_takes_no_more_than_an_order_can() -> None:
    """The buyer would learn at the till that the cart cannot be ordered."""
    lines = [replace(ADDED, sku=f"sku-{number}") for number in range(MOST_LINES)]
    cart(OPENED, *lines).when(setting(1)).then_rejected(CartFull)
    cart(OPENED, *lines).when(setting(0, "sku-0")).then(replace(REMOVED, sku="sku-0", qty=1))


def test_a_cart_becomes_one_order() -> None:
    """Two clicks on the button would buy everything twice."""
    command = CheckOut(cart_id=ID, order_id=ORDERED.order_id, at=AT)
    cart(OPENED, ADDED).when(command).then(ORDERED)
    cart(OPENED, ADDED, ORDERED).when(command).then_nothing()
    another = replace(command, order_id=UUID(int=9))
    cart(OPENED, ADDED, ORDERED).when(another).then_rejected(CartOrdered)
    cart(OPENED, ADDED, ORDERED).when(setting(3)).then_rejected(CartOrdered)
    cart(OPENED, ADDED, LEFT).when(command).then(ORDERED)


def test_only_a_full_untouched_cart_is_left() -> None:
    """Every visitor who looked, and every buyer who paid, would count as lost."""
    command = Abandon(cart_id=ID, last_enquiry=ASKED, at=UNTIL)
    cart(OPENED, ADDED).when(command).then(LEFT)
    cart(OPENED, ADDED).when(replace(command, at=UNTIL - timedelta(seconds=1))).then_nothing()
    cart(OPENED).when(command).then_nothing()
    cart(OPENED, ADDED, REMOVED).when(command).then_nothing()
    cart(OPENED, ADDED, ORDERED).when(command).then_nothing()
    cart(OPENED, ADDED, LEFT).when(command).then_nothing()


def test_who_comes_back_finds_the_cart_open() -> None:
    """A buyer who thought it over would have to begin anew, and count as lost."""
    cart(OPENED, ADDED, LEFT).when(setting(2)).then(CartReopened(cart_id=ID, at=AT), CHANGED)
    cart(OPENED, ADDED, LEFT).when(setting(1)).then_nothing()
