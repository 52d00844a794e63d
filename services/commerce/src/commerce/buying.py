"""Buying from a page: the order with its origin, its parcel, and the way to pay."""

from dataclasses import dataclass
from uuid import UUID

from chassis.errors import Rejected
from chassis.money import Money
from chassis.unit_of_work import UnitOfWork
from commerce import buyer_links, ordering, shop_queries
from commerce.cart_checkout import CartDiffers
from commerce.cart_messages import CartView
from commerce.hosted_payment import session_token
from commerce.messages import LineRequest, OrderRequest
from commerce.order_events import Origin
from commerce.post import POST, NotInPost, published
from commerce.settings import Terms
from commerce.shop_events import PostPublished
from commerce.shop_messages import CheckoutForm, PurchaseForm
from commerce.storefront import PARCEL, AddressParcel


class SoldOut(Rejected):
    """There are not so many left."""

    code = "sold_out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """An order that waits for its money, and the token of its payment."""

    order_id: UUID
    token: str


def buy(
    work: UnitOfWork,
    sku: str,
    form: PurchaseForm,
    *,
    buyer: str,
    post_id: UUID | None,
    shop: Origin,
    terms: Terms,
) -> Bought:
    """Order one product from its buy page.

    Raises:
        SoldOut: there are not so many left.
        PriceChanged: the page showed another price.
        BuyerNotKnown: it is limited for each person, and nobody knows who the visitor is.
        PostUnknown: the post that it is bought from does not exist.
        NotInPost: that post does not sell it.
    """
    origin = origin_of(work, sku, post_id, shop)
    token = session_token(work.context.command_id, form.method)
    if not work.already_done and shop_queries.sellable(work.db, work.tenant, sku) < form.qty:
        raise SoldOut("There are not so many left.")
    price = Money(amount=form.amount, currency=form.currency)
    wanted = OrderRequest(
        person_id=buyer,
        origin=origin,
        lines=(LineRequest(sku=sku, qty=form.qty, price=price),),
        payment_method=token,
    )
    return _placed(work, wanted, form, terms)


def check_out(
    work: UnitOfWork,
    cart: CartView | None,
    seen: tuple[LineRequest, ...],
    form: CheckoutForm,
    *,
    buyer: str,
    terms: Terms,
) -> Bought:
    """Order what is in a cart, at the prices that its page showed.

    Raises:
        CartDiffers: it is another cart than the page showed, or none.
        SoldOut: there is not enough of something.
        PriceChanged: the page showed another price.
        BuyerNotKnown: it is limited for each person, and nobody knows who the visitor is.
    """
    if cart is None:
        raise CartDiffers("There is no such cart any more; look at it again.")
    if any(line.unavailable for line in cart.lines):
        raise SoldOut("Change the lines that cannot be bought now.")
    wanted = OrderRequest(
        person_id=buyer,
        origin=cart.origin,
        lines=seen,
        cart_id=cart.cart_id,
        payment_method=session_token(work.context.command_id, form.method),
    )
    return _placed(work, wanted, form, terms)


def _placed(
    work: UnitOfWork, wanted: OrderRequest, form: PurchaseForm | CheckoutForm, terms: Terms
) -> Bought:
    if not work.already_done:
        buyer_links.known_for(work, (line.sku for line in wanted.lines), wanted.person_id)
    order_id, _ = ordering.place_order(work, wanted, terms)
    parcel = AddressParcel(
        order_id=order_id,
        person_id=wanted.person_id,
        name=form.name,
        phone=form.phone,
        address=form.address,
    )
    work.execute(PARCEL, order_id, parcel)
    return Bought(order_id=order_id, token=wanted.payment_method)


def origin_of(work: UnitOfWork, sku: str, post_id: UUID | None, shop: Origin) -> Origin:
    """Return where an order comes from: the post's page, or the web shop; never nowhere."""
    if post_id is None:
        return shop
    post = sells(published(work.load(POST, post_id).state), sku)
    return Origin(platform=post.platform, property=post.property, content=post.content, mode="page")


def sells(post: PostPublished, sku: str) -> PostPublished:
    """Return a post that sells a product; raises NotInPost."""
    if sku not in post.skus:
        raise NotInPost("The post does not sell this product.")
    return post
