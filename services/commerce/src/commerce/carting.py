"""Commerce's use cases about carts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import add
from uuid import UUID

from sqlalchemy import Connection, delete

from chassis.ids import derived_id
from chassis.money import Money
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import enquiries, pricing, queries, settings
from commerce.cart import CART, Cart, OpenCart, SetLine, opened
from commerce.cart_messages import CartLineView, CartRequest, CartView, CartWanted, LineSetting
from commerce.cart_tables import cart_buyers
from commerce.forgotten import buyer_exists
from commerce.order_doors import ordered_here
from commerce.product import PRODUCT, NotOffered, Offer, ProductUnknown


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """What can be bought, at which prices, as one buyer sees it at a moment."""

    db: Connection
    tenant: str
    at: datetime
    lang: str | None
    offers: pricing.Offers

    def line(self, sku: str, qty: int) -> CartLineView:
        """Show a line of a cart."""
        product = queries.state_of(self.db, self.tenant, PRODUCT, sku)[0]
        line = CartLineView(
            sku=sku,
            title=product.title or "",
            qty=qty,
            unavailable="not_offered",
            list=None,
            price=None,
            promotion=None,
        )
        try:
            return self._priced(line, product.offer_at(self.at))
        except NotOffered:
            return line

    def _priced(self, line: CartLineView, offer: Offer) -> CartLineView:
        priced = self.offers.best(line.sku, offer.sale)
        left = queries.left_of(self.db, self.tenant, [line.sku])[line.sku]
        return replace(
            line,
            unavailable=None if left >= line.qty else "out_of_stock",
            list=offer.list,
            price=priced.price,
            promotion=pricing.told(priced, self.lang),
        )


def open_cart(work: UnitOfWork, wanted: CartRequest) -> Executed[Cart]:
    """Begin to put goods together.

    Raises:
        BuyerErased: the buyer asked to be forgotten.
        OtherDoor: what is sold in a store or a marketplace is told elsewhere.
    """
    ordered_here(wanted.origin)
    buyer_exists(work, wanted.person_id)
    cart_id = derived_id(work.context.command_id, "cart")
    command = OpenCart(cart_id=cart_id, buyer=wanted.person_id, origin=wanted.origin, at=work.now)
    return work.execute(CART, cart_id, command)


def set_line(work: UnitOfWork, cart_id: UUID, wanted: LineSetting) -> Executed[Cart]:
    """Have so many pieces of a product in a cart; an abandoned one is open again.

    Raises:
        CartUnknown: there is no such cart.
        CartOrdered: it is an order already.
        CartFull: it has as many products as an order may have.
        ProductUnknown: the product is not in the catalogue.
    """
    opened(work.load(CART, cart_id).state)
    if wanted.qty and work.load(PRODUCT, wanted.sku).state.title is None:
        raise ProductUnknown("There is no such product; choose one of the catalogue.")
    command = SetLine(
        cart_id=cart_id,
        sku=wanted.sku,
        qty=wanted.qty,
        at=work.now,
        until=work.now + settings.cart_patience(),
    )
    return work.execute(CART, cart_id, command)


def cart_view(
    db: Connection,
    tenant: str,
    cart_id: UUID,
    *,
    at: datetime,
    lang: str | None = None,
    coupon: str | None = None,
) -> CartView:
    """Return a cart at the prices of a moment; raises CartUnknown and a coupon's refusals."""
    cart, _ = queries.state_of(db, tenant, CART, cart_id)
    return view(db, tenant, cart, CartWanted(at=at, lang=lang, coupon=coupon), now=at)


def view(db: Connection, tenant: str, cart: Cart, wanted: CartWanted, *, now: datetime) -> CartView:
    """Show a cart at the prices of a moment, and what of it cannot be bought then."""
    began, at = opened(cart), wanted.at or now
    offers = pricing.offers_for(db, tenant, began.buyer, cart.lines, at, coupon=wanted.coupon)
    shelf = _Shelf(db=db, tenant=tenant, at=at, lang=wanted.lang, offers=offers)
    lines = tuple(_of_one_currency(shelf.line(sku, qty) for sku, qty in sorted(cart.lines.items())))
    costs = [line.price * line.qty for line in lines if line.price and not line.unavailable]
    return CartView(
        cart_id=began.cart_id,
        status=cart.status,
        buyer=began.buyer,
        origin=began.origin,
        lines=lines,
        total=reduce(add, costs) if costs else None,
        order_id=cart.order_id,
    )


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Forget whose carts some were, and what some people asked."""
    row = cart_buyers.c
    db.execute(delete(cart_buyers).where(row.tenant == tenant, row.buyer.in_(subjects)))
    enquiries.forget(db, tenant, subjects)


def _of_one_currency(lines: Iterator[CartLineView]) -> Iterator[CartLineView]:
    """Yield lines; those in another currency than the first cannot be in one order with it."""
    first: Money | None = None
    for line in lines:
        buyable = line.price is not None and line.unavailable is None
        first = first or (line.price if buyable else None)
        if buyable and first and line.price and line.price.currency != first.currency:
            yield replace(line, unavailable="other_currency")
        else:
            yield line
