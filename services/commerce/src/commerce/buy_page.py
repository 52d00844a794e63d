"""The buy page: one product, one form; shown again with what was wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection
from werkzeug import Response

from chassis.forms import form_token, new_visitor, visitor_cookie
from commerce import buyer_links, shop_queries
from commerce.buying import sells
from commerce.order_events import Origin
from commerce.pages import Visit, page
from commerce.shop_messages import MOST_PIECES
from commerce.shop_queries import Goods
from commerce.shop_settings import shop_settings

FIELDS = ("qty", "name", "phone", "address", "method")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrong:
    """One line of the summary of what was wrong.

    Args:
        field: The field that it leads to, if it is about one.
        text: The name of what is said.
    """

    field: str | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a buy page, or a cart, is about.

    Args:
        post: The post that the buyer came from.
        given: What was typed already.
        wrong: What was wrong with it.
        status: Of the answer.
    """

    sku: str = ""
    post: UUID | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    wrong: Sequence[Wrong] = ()
    status: int = 200

    @property
    def wrong_fields(self) -> Mapping[str, str]:
        """What was wrong with each field."""
        return {each.field: each.text for each in self.wrong if each.field}


def show(db: Connection, visit: Visit, asked: Asked) -> Response:
    """Return the page, and a cookie to a visitor who has none.

    Raises:
        ProductNotListed: there is no such product.
        PostUnknown: there is no such post.
        NotInPost: the post does not sell the product.
    """
    goods = _goods(db, visit, asked)
    visitor = visit.visitor or new_visitor()
    action = visit.url(f"/buy/{asked.sku}", post=asked.post)
    response = page(
        "buy.html",
        visit,
        status=asked.status,
        shop=shop_queries.shop_name(db, visit.tenant) or visit.tenant,
        goods=goods,
        visitor=visitor,
        barred=buyer_links.barred(db, visit.tenant, asked.sku, visitor, visit.now),
        given={"qty": "1", "method": "card", **asked.given},
        wrong=asked.wrong,
        wrong_fields=asked.wrong_fields,
        most=min(goods.available, MOST_PIECES),
        action=action,
        token=token_for(visit, visitor, action),
    )
    return remembering(response, visit, visitor)


def _goods(db: Connection, visit: Visit, asked: Asked) -> Goods:
    platform = own_origin(visit).platform
    if asked.post is not None:
        post = sells(shop_queries.post(db, visit.tenant, asked.post), asked.sku)
        platform = post.platform
    return shop_queries.goods(
        db, visit.tenant, asked.sku, visit.now, visit.visitor, platform=platform
    )


def token_for(visit: Visit, visitor: str, action: str) -> str:
    """Return the token of a form that is sent to an address of this shop."""
    path = action.partition("?")[0]
    return form_token(visit.secret, visit.tenant, visitor, action=path, now=visit.now)


def remembering(response: Response, visit: Visit, visitor: str) -> Response:
    """Give a visitor who has none a cookie with the page that has forms for him."""
    if visit.visitor is None:
        response.headers["Set-Cookie"] = visitor_cookie(
            visit.secret,
            visit.tenant,
            visitor,
            path=visit.base or "/",
            secure=shop_settings().secure,
        )
    return response


def own_origin(visit: Visit) -> Origin:
    """Return where an order comes from that no post led to: this shop."""
    if visit.in_mall:
        return Origin(platform="mall", property=visit.tenant, mode="web")
    return Origin(platform="web", property=visit.host.partition(":")[0], mode="web")


def post_named(text: str | None) -> UUID | None:
    """Return the post that an address names; None if it names none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
