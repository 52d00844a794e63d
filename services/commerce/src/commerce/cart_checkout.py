"""How a cart becomes an order: its lines go over, and it is done with."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from chassis.errors import Rejected
from chassis.unit_of_work import UnitOfWork
from commerce import persons
from commerce.cart import CART, CartOrdered, CheckOut, opened
from commerce.messages import LineRequest, OrderRequest


class CartDiffers(Rejected):
    """The cart holds other goods than the buyer saw."""

    code = "cart_differs"


class CartOfOther(Rejected):
    """The cart is another buyer's; order from one of the buyer's own."""

    code = "cart_of_other"


def filled(work: UnitOfWork, wanted: OrderRequest) -> OrderRequest:
    """Return an order with its cart's lines, where it names a cart and gives no lines itself.

    Raises:
        CartUnknown: there is no such cart.
        CartOfOther: somebody else put it together.
        CartOrdered: it is an order already.
        CartDiffers: the lines given are not the cart's.
    """
    if wanted.cart_id is None:
        return wanted
    cart = work.load(CART, wanted.cart_id).state
    _own(work, opened(cart).buyer, wanted.person_id)
    if cart.order_id is not None:
        raise CartOrdered(f"This cart is order {cart.order_id} already; open a new one.")
    lines = tuple(LineRequest(sku=sku, qty=qty) for sku, qty in sorted(cart.lines.items()))
    if wanted.lines and _pieces(wanted.lines) != _pieces(lines):
        raise CartDiffers("The cart was changed meanwhile; show it again, then order.")
    return wanted if wanted.lines else replace(wanted, lines=lines)


def check_out(work: UnitOfWork, cart_id: UUID | None, order_id: UUID) -> None:
    """Be done with a cart whose goods are ordered."""
    if cart_id is not None:
        command = CheckOut(cart_id=cart_id, order_id=order_id, at=work.now)
        work.execute(CART, cart_id, command)


def _own(work: UnitOfWork, *named: str) -> None:
    if len({persons.person_behind(work.db, work.tenant, one) for one in named}) > 1:
        raise CartOfOther("This cart is another buyer's; open one for this buyer.")


def _pieces(lines: Iterable[LineRequest]) -> Counter[str]:
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.sku] += line.qty
    return pieces
