"""The part of commerce's door that is about who shoppers are, and what they want forgotten."""

from sqlalchemy import Connection
from werkzeug import Response

from chassis.entrypoints import command
from chassis.forms import no_visitor_cookie
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import buyer_links, forget_page, shopper_forgetting
from commerce.buy_page import Asked
from commerce.buyers_messages import BuyerLink, ForgetForm
from commerce.pages import Visit
from commerce.shop_doors import open_shop, shop_form, shop_page
from commerce.shop_settings import shop_settings

WRITE = "commerce.write"


class BuyersEdge:
    """A visitor linked to a person, and a visitor forgotten."""

    @command("/v1/buyers/links", scope=WRITE, body=BuyerLink, reply=BuyerLink)
    def link_buyer(self, work: UnitOfWork, call: Call[BuyerLink]) -> Reply:
        """Count a visitor of the storefront as a person, once they have shown who they are."""
        done = buyer_links.link(work, call.body)
        return Reply(body=call.body, version=done.version)

    @shop_page(forget_page.PATH)
    def show_forget_page(self, db: Connection, call: Call[None]) -> Response:
        """Ask a shopper whether to forget what the shop knows of them."""
        visit = Visit.of(call)
        open_shop(db, visit)
        return forget_page.show(db, visit, Asked())

    @shop_form(forget_page.PATH, body=ForgetForm)
    def forget_shopper(self, work: UnitOfWork, call: Call[ForgetForm]) -> Reply:
        """Forget what the shop knows of a shopper, and who the browser is."""
        visit = Visit.of(call)
        open_shop(work.db, visit)
        shopper_forgetting.forget_me(work, visit.visitor or "")
        gone = no_visitor_cookie(path=visit.base or "/", secure=shop_settings().secure)
        return Reply(headers={"Location": visit.url("/forgotten"), "Set-Cookie": gone})

    @shop_page("/forgotten")
    def show_forgotten_page(self, db: Connection, call: Call[None]) -> Response:
        """Say that a shopper is forgotten."""
        visit = Visit.of(call)
        open_shop(db, visit)
        return forget_page.forgotten(db, visit)
