"""The cart's page: its lines, each to be changed, and the form that orders them."""

import json
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection
from werkzeug import Response
from werkzeug.http import dump_cookie, parse_cookie

from chassis import schemas
from chassis.errors import Invalid
from chassis.forms import new_visitor
from commerce import buyer_links, carting, shop_queries
from commerce.buy_page import Asked, remembering, token_for
from commerce.cart import CartUnknown
from commerce.cart_messages import CartLineView, CartView
from commerce.messages import LineRequest
from commerce.pages import Visit, page
from commerce.shop_settings import shop_settings

COOKIE = "cart"
_DAYS = 30 * 24 * 3600


def show(db: Connection, visit: Visit, asked: Asked) -> Response:
    """Return the page of the visitor's cart; one that is empty where there is none."""
    cart = cart_of(db, visit)
    lines = cart.lines if cart else ()
    visitor = visit.visitor or new_visitor()
    action, change = visit.url("/cart/order"), visit.url("/cart/lines")
    response = page(
        "cart.html",
        visit,
        status=asked.status,
        shop=shop_queries.shop_name(db, visit.tenant) or visit.tenant,
        lines=lines,
        visitor=visitor,
        barred=_barred(db, visit, visitor, lines),
        line_tokens=[token_for(visit, visitor, change) for _ in lines],
        total=cart.total if cart else None,
        ready=bool(lines) and not any(line.unavailable for line in lines),
        given={"method": "card", **asked.given},
        wrong=asked.wrong,
        wrong_fields=asked.wrong_fields,
        action=action,
        token=token_for(visit, visitor, action),
        seen=_seen(lines),
    )
    return remembering(response, visit, visitor)


def cart_of(db: Connection, visit: Visit) -> CartView | None:
    """Return the cart that the visitor is filling; nobody sees another one's."""
    cart_id = cart_named(visit)
    if cart_id is None or visit.visitor is None:
        return None
    try:
        cart = carting.cart_view(db, visit.tenant, cart_id, at=visit.now, lang=visit.lang)
    except CartUnknown:
        return None
    mine = cart.buyer == visit.visitor and cart.order_id is None
    return cart if mine else None


def cart_named(visit: Visit) -> UUID | None:
    """Return the cart that the browser names; whether it is the visitor's is to be asked."""
    for text in parse_cookie(visit.headers.get("Cookie", "")).getlist(COOKIE):
        try:
            return UUID(text)
        except ValueError:
            continue
    return None


def cart_cookie(visit: Visit, cart_id: UUID) -> str:
    """Return the header that lets the browser name a cart."""
    return dump_cookie(
        COOKIE,
        str(cart_id),
        max_age=_DAYS,
        path=visit.base or "/",
        secure=shop_settings().secure,
        httponly=True,
        samesite="Lax",
    )


def no_cart_cookie(visit: Visit) -> str:
    """Return the header that has the browser forget its cart."""
    return dump_cookie(COOKIE, max_age=0, path=visit.base or "/", secure=shop_settings().secure)


def lines_seen(text: str) -> tuple[LineRequest, ...]:
    """Return the lines as the page showed them; raises Invalid."""
    try:
        return tuple(schemas.load(LineRequest, line) for line in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        raise Invalid({"seen": ["Not what the page showed."]}) from None


def _barred(db: Connection, visit: Visit, visitor: str, lines: Sequence[CartLineView]) -> bool:
    """Say whether there is something that only known buyers get, and this one is not known."""
    return any(buyer_links.barred(db, visit.tenant, each.sku, visitor, visit.now) for each in lines)


def _seen(lines: Sequence[CartLineView]) -> str:
    shown = [LineRequest(sku=line.sku, qty=line.qty, price=line.price) for line in lines]
    return json.dumps([schemas.dump(line) for line in shown])
