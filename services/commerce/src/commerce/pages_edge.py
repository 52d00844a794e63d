"""The storefront: pages that work without JavaScript, at a shop's own host or in the mall."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection
from werkzeug import Request, Response
from werkzeug.exceptions import NotFound as NoPage

from chassis.entrypoints import query
from chassis.forms import new_visitor
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import buy_page, buying, settings, shelf, shop_queries
from commerce.order_page import STEPS, order_shown, payment_address
from commerce.pages import MALL, Visit, page
from commerce.refusal_page import refused
from commerce.shop_doors import open_shop, shop_form, shop_page
from commerce.shop_messages import PageQuery, PurchaseForm
from commerce.shop_sites import the_mall

F = TypeVar("F", bound=Callable[..., Any])
_SEE_OTHER = 303
_PARTLY = {
    "Range": "HTTP_RANGE",
    "If-Range": "HTTP_IF_RANGE",
    "If-None-Match": "HTTP_IF_NONE_MATCH",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml"}


def _nobody(_: Request) -> str:
    return ""


class PagesEdge:
    """What a shopper sees."""

    @query("/static/<name>", tenant_from=_nobody, open_query=True, page=refused)
    def show_static(self, _db: Connection, call: Call[None]) -> Response:
        """Return one of the files that every page loads."""
        known = {entry.name: entry for entry in files("commerce").joinpath("static").iterdir()}
        found = known.get(call.path["name"])
        if found is None:
            raise NoPage
        kind = _TYPES[found.name.rpartition(".")[2]]
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(found.read_bytes(), content_type=kind, headers=headers)

    @query(
        MALL, tenant_from=the_mall, everyones=True, query=PageQuery, open_query=True, page=refused
    )
    def show_mall(self, db: Connection, call: Call[None]) -> Response:
        """Show the shops of the shared mall."""
        return page("mall.html", Visit.of(call), merchants=shop_queries.merchants(db))

    @shop_page("/")
    def show_shop(self, db: Connection, call: Call[None]) -> Response:
        """Show what a shop sells."""
        visit = Visit.of(call)
        name = open_shop(db, visit)
        shown = shelf.shelf(
            db,
            visit.tenant,
            visit.now,
            visit.visitor,
            platform=buy_page.own_origin(visit).platform,
            page=shelf.page_number(call.query.page),
        )
        return page("shop.html", visit, shop=name, shelf=shown)

    @shop_page("/products/<sku>")
    def show_product_page(self, db: Connection, call: Call[None]) -> Response:
        """Show one product."""
        visit = Visit.of(call)
        name = open_shop(db, visit)
        goods = shop_queries.goods(
            db,
            visit.tenant,
            call.path["sku"],
            visit.now,
            visit.visitor,
            platform=buy_page.own_origin(visit).platform,
        )
        visitor = visit.visitor or new_visitor()
        token = buy_page.token_for(visit, visitor, visit.url("/cart/add"))
        response = page("product.html", visit, shop=name, goods=goods, token=token)
        return buy_page.remembering(response, visit, visitor)

    @shop_page("/p/<uuid:post_id>")
    def show_post_page(self, db: Connection, call: Call[None]) -> Response:
        """Show a post with what it sells."""
        visit = Visit.of(call)
        name = open_shop(db, visit)
        post_id: UUID = call.path["post_id"]
        post = shop_queries.post(db, visit.tenant, post_id)
        sold = shop_queries.all_goods(
            db, visit.tenant, post.skus, visit.now, visit.visitor, platform=post.platform
        )
        return page("post.html", visit, shop=name, post=post, sold=sold)

    @shop_page("/media/<digest>")
    def show_media(self, db: Connection, call: Call[None]) -> Response:
        """Return an uploaded picture or video, or the part of it that a player asks for."""
        open_shop(db, Visit.of(call))
        found = shop_queries.asset(db, call.tenant, call.path["digest"])
        headers = {"Cache-Control": _FOR_EVER, "Content-Security-Policy": "default-src 'none'"}
        content = bytes(found.content)
        shown = Response(content, content_type=found.mime_type, headers=headers)
        shown.set_etag(call.path["digest"])
        asked = {key: call.headers[name] for name, key in _PARTLY.items() if name in call.headers}
        environ = {"REQUEST_METHOD": "GET", **asked}
        return shown.make_conditional(environ, accept_ranges=True, complete_length=len(content))

    @shop_page("/buy/<sku>")
    def show_buy_page(self, db: Connection, call: Call[None]) -> Response:
        """Show the form that orders a product."""
        visit = Visit.of(call)
        open_shop(db, visit)
        asked = buy_page.Asked(sku=call.path["sku"], post=buy_page.post_named(call.query.post))
        return buy_page.show(db, visit, asked)

    @shop_form("/buy/<sku>", body=PurchaseForm)
    def buy(self, work: UnitOfWork, call: Call[PurchaseForm]) -> Reply:
        """Order a product and go to where it is paid."""
        visit = Visit.of(call)
        open_shop(work.db, visit)
        bought = buying.buy(
            work,
            call.path["sku"],
            call.body,
            buyer=visit.visitor or "",
            post_id=buy_page.post_named(call.query.post),
            shop=buy_page.own_origin(visit),
            terms=settings.terms(),
        )
        pay_at = payment_address(visit, bought.order_id, bought.token)
        return Reply(headers={"Location": pay_at})

    @shop_page("/p/<path:mistyped>")
    @shop_page("/orders/<path:mistyped>")
    def show_nothing(self, _db: Connection, _call: Call[None]) -> Response:
        """Say in a shopper's words that an address is mistyped."""
        raise NoPage

    @shop_page("/orders/<uuid:order_id>")
    def show_order_page(self, db: Connection, call: Call[None]) -> Response:
        """Show an order to its buyer."""
        visit = Visit.of(call)
        name = open_shop(db, visit)
        return page("order.html", visit, shop=name, order=order_shown(db, call, visit), steps=STEPS)
