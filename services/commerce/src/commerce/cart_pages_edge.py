"""The storefront's cart: filled line by line, then ordered as a whole."""

from uuid import UUID

from sqlalchemy import Connection
from werkzeug import Response

from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import buying, cart_page, carting, settings
from commerce.buy_page import Asked, own_origin
from commerce.cart import opened
from commerce.cart_messages import CartRequest, LineSetting
from commerce.order_page import payment_address
from commerce.pages import Visit
from commerce.shop_doors import open_shop, shop_form, shop_page
from commerce.shop_messages import MOST_PIECES, CheckoutForm, LineForm


class CartPagesEdge:
    """What a shopper does with a cart."""

    @shop_page("/cart")
    def show_cart_page(self, db: Connection, call: Call[None]) -> Response:
        """Show the visitor's cart."""
        visit = Visit.of(call)
        open_shop(db, visit)
        return cart_page.show(db, visit, Asked())

    @shop_form("/cart/add", body=LineForm)
    def add_to_cart(self, work: UnitOfWork, call: Call[LineForm]) -> Reply:
        """Put so many more pieces into the cart, and begin one where there is none."""
        visit = Visit.of(call)
        open_shop(work.db, visit)
        cart = cart_page.cart_of(work.db, visit)
        cart_id = cart.cart_id if cart else _begun(work, visit)
        there = {line.sku: line.qty for line in cart.lines} if cart else {}
        qty = min(there.get(call.body.sku, 0) + call.body.qty, MOST_PIECES)
        carting.set_line(work, cart_id, LineSetting(sku=call.body.sku, qty=qty))
        cookie = cart_page.cart_cookie(visit, cart_id)
        return Reply(headers={"Location": visit.url("/cart"), "Set-Cookie": cookie})

    @shop_form("/cart/lines", body=LineForm)
    def change_cart(self, work: UnitOfWork, call: Call[LineForm]) -> Reply:
        """Have so many pieces of a product in the cart; none takes it out."""
        visit = Visit.of(call)
        open_shop(work.db, visit)
        cart = cart_page.cart_of(work.db, visit)
        if cart is not None:
            setting = LineSetting(sku=call.body.sku, qty=call.body.qty)
            carting.set_line(work, cart.cart_id, setting)
        return Reply(headers={"Location": visit.url("/cart")})

    @shop_form("/cart/order", body=CheckoutForm)
    def order_cart(self, work: UnitOfWork, call: Call[CheckoutForm]) -> Reply:
        """Order what is in the cart, and go to where it is paid."""
        visit = Visit.of(call)
        open_shop(work.db, visit)
        bought = buying.check_out(
            work,
            cart_page.cart_of(work.db, visit),
            cart_page.lines_seen(call.body.seen),
            call.body,
            buyer=visit.visitor or "",
            terms=settings.terms(),
        )
        pay_at = payment_address(visit, bought.order_id, bought.token)
        return Reply(headers={"Location": pay_at})


def _begun(work: UnitOfWork, visit: Visit) -> UUID:
    wanted = CartRequest(person_id=visit.visitor or "", origin=own_origin(visit))
    return opened(carting.open_cart(work, wanted).state).cart_id
