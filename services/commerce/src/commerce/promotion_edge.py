"""The part of commerce's door that is about promotions, coupons and personal prices."""

from sqlalchemy import Connection

from chassis.clock import SystemClock
from chassis.entrypoints import command, query
from chassis.reactions import Received
from chassis.routes import Call, Reply
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork
from commerce import audiences, pricing, promoting
from commerce.messages import Wanted
from commerce.promotion_messages import (
    CouponRequest,
    CouponView,
    PriceView,
    PriceWanted,
    PromotionPage,
    PromotionRequest,
    PromotionView,
)
from commerce.promotion_upstream import CustomerKindChanged, MemberEnrolled

READ, WRITE = "commerce.read", "commerce.write"
PROMOTION = "/v1/promotions/<promotion_id>"
_wall = SystemClock()


class PromotionsEdge:
    """Promotions: defined, ended, given out as coupons, and what things cost by them."""

    @command("/v1/promotions", scope=WRITE, body=PromotionRequest, reply=PromotionView)
    def define_promotion(self, work: UnitOfWork, call: Call[PromotionRequest]) -> Reply:
        """Let some goods cost some people less for a while."""
        done = promoting.define(work, call.body)
        return Reply(body=promoting.shown(work, done.state), version=done.version)

    @query("/v1/promotions", scope=READ, query=Wanted, reply=PromotionPage)
    def list_promotions(self, db: Connection, call: Call[None]) -> Reply:
        """List the promotions, and how often each was used."""
        wanted: Wanted = call.query
        after = call.cursors.read(wanted.cursor) or ""
        found = promoting.promotions_after(db, call.tenant, after, wanted.limit)
        full = len(found) == wanted.limit
        cursor = call.cursors.write(found[-1].promotion_id) if full else None
        return Reply(body=PromotionPage(promotions=tuple(found), next=cursor))

    @command(f"{PROMOTION}/coupons", scope=WRITE, body=CouponRequest, reply=CouponView)
    def issue_coupon(self, work: UnitOfWork, call: Call[CouponRequest]) -> Reply:
        """Give out a coupon."""
        issued = promoting.issue(work, call.path["promotion_id"], call.body)
        return Reply(
            body=CouponView(
                code=issued.code,
                promotion_id=issued.promotion_id,
                person_id=issued.person_id,
                uses=issued.uses,
            )
        )

    @command(f"{PROMOTION}/end", scope=WRITE, reply=PromotionView, status=200)
    def end_promotion(self, work: UnitOfWork, call: Call[None]) -> Reply:
        """Give a promotion to nobody any more."""
        done = promoting.end(work, call.path["promotion_id"])
        return Reply(body=promoting.shown(work, done.state), version=done.version)

    @query("/v1/prices", scope=READ, query=PriceWanted, reply=PriceView)
    def show_price(self, db: Connection, call: Call[None]) -> Reply:
        """Show what one piece costs somebody, told in their language."""
        wanted: PriceWanted = call.query
        return Reply(
            body=pricing.price_of(
                db,
                call.tenant,
                sku=wanted.sku,
                person_id=wanted.person_id,
                at=wanted.at or _wall.now(),
                lang=wanted.lang,
                coupon=wanted.coupon,
            )
        )

    @subscribe("identity", "customer_kind_changed")
    def on_customer_kind_changed(self, work: UnitOfWork, received: Received) -> None:
        """Count a person as a customer, or as one no more."""
        changed: CustomerKindChanged = received.data
        audiences.set_kind(work, changed.person_id, changed.kind)

    @subscribe("identity", "member_enrolled")
    def on_member_enrolled(self, work: UnitOfWork, received: Received) -> None:
        """Count a person as a member of a programme."""
        enrolled: MemberEnrolled = received.data
        audiences.enrol(work, enrolled.person_id, enrolled.programme)
