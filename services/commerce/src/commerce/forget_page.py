"""The page that asks a shopper whether to forget what the shop knows, and the one after it."""

from sqlalchemy import Connection
from werkzeug import Response

from commerce import cart_page, shop_queries
from commerce.buy_page import Asked, token_for
from commerce.pages import Visit, page

PATH = "/forget"


def show(db: Connection, visit: Visit, asked: Asked) -> Response:
    """Ask once more, and say what it means; whoever is not known has nothing to ask."""
    action = visit.url(PATH)
    return page(
        "forget.html",
        visit,
        status=asked.status,
        shop=shop_queries.shop_name(db, visit.tenant) or visit.tenant,
        wrong=asked.wrong,
        wrong_fields={},
        action=action,
        token=token_for(visit, visit.visitor, action) if visit.visitor else None,
    )


def forgotten(db: Connection, visit: Visit) -> Response:
    """Say that it is done, and have the browser forget its cart as well."""
    shop = shop_queries.shop_name(db, visit.tenant) or visit.tenant
    response = page("forgotten.html", visit, shop=shop)
    if visit.visitor is None:
        response.headers.add("Set-Cookie", cart_page.no_cart_cookie(visit))
    return response
