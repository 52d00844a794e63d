"""Commerce's use cases about promotions and coupons."""

import base64
import hmac
import json
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from chassis import schemas
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import audiences, promotion_uses
from commerce.forgotten import buyer_exists
from commerce.promotion import (
    PROMOTION,
    CouponDiffers,
    DefinePromotion,
    EndPromotion,
    IssueCoupon,
    Promotion,
    defined,
)
from commerce.promotion_events import CouponIssued, Discount, PromotionDefined, Wording
from commerce.promotion_messages import CouponRequest, PromotionRequest, PromotionView
from commerce.promotion_tables import coupons, promotions
from commerce.promotion_uses import Uses

_CODE_BYTES = 10


def define(work: UnitOfWork, wanted: PromotionRequest) -> Executed[Promotion]:
    """Let some goods cost some people less for a while.

    Raises:
        UnusablePromotion: it says nothing, takes nothing off or ends before it begins.
        DefinedDifferently: it has other terms already.
    """
    known = work.load(PROMOTION, wanted.promotion_id).state.defined
    command = DefinePromotion(
        promotion_id=wanted.promotion_id,
        texts=tuple(Wording(lang=each.lang, text=each.text) for each in wanted.texts),
        audience=wanted.audience,
        discount=wanted.discount,
        skus=tuple(sorted(set(wanted.skus))) if wanted.skus else None,
        valid_from=wanted.valid_from or (known.valid_from if known else work.now),
        valid_to=wanted.valid_to,
        needs_coupon=wanted.needs_coupon,
        per_person=wanted.per_person,
        total=wanted.total,
    )
    return work.execute(PROMOTION, wanted.promotion_id, command)


def end(work: UnitOfWork, promotion_id: str) -> Executed[Promotion]:
    """Give a promotion to nobody any more; raises PromotionUnknown."""
    command = EndPromotion(promotion_id=promotion_id, at=work.now)
    return work.execute(PROMOTION, promotion_id, command)


def issue(work: UnitOfWork, promotion_id: str, wanted: CouponRequest) -> CouponIssued:
    """Give out a coupon.

    Raises:
        PromotionUnknown: there is no such promotion.
        PromotionOver: it has ended.
        CouponNotNeeded: it holds without one.
        CouponDiffers: the code is another coupon's.
        BuyerErased: the person asked to be forgotten.
    """
    if wanted.person_id is not None:
        buyer_exists(work, wanted.person_id)
    code = (wanted.code or _made_up(work)).upper()
    if _owner(work.db, work.tenant, code) not in {None, promotion_id}:
        raise CouponDiffers("Another promotion has this code; choose another.")
    command = IssueCoupon(
        promotion_id=promotion_id,
        code=code,
        person_id=wanted.person_id,
        uses=wanted.uses,
        at=work.now,
    )
    return work.execute(PROMOTION, promotion_id, command).state.coupons[code]


def promotions_after(
    db: Connection, tenant: str, promotion_id: str, limit: int
) -> list[PromotionView]:
    """Return the next promotions in the order of their ids."""
    row = promotions.c
    page = (
        select(row.terms, row.ended)
        .where(row.tenant == tenant, row.promotion_id > promotion_id)
        .order_by(row.promotion_id)
        .limit(limit)
    )
    uses = Uses(db, tenant, ())
    return [
        view(schemas.load(PromotionDefined, json.loads(found.terms)), ended=found.ended, uses=uses)
        for found in db.execute(page)
    ]


def shown(work: UnitOfWork, promotion: Promotion) -> PromotionView:
    """Show a promotion as it stands."""
    uses = Uses(work.db, work.tenant, ())
    return view(defined(promotion), ended=promotion.ended_at is not None, uses=uses)


def view(terms: PromotionDefined, *, ended: bool, uses: Uses) -> PromotionView:
    """Show a promotion's terms, and how often it was used."""
    return PromotionView(
        promotion_id=terms.promotion_id,
        texts=terms.texts,
        audience=terms.audience,
        discount=Discount(basis_points=terms.discount.basis_points, amount=terms.discount.amount),
        skus=terms.skus,
        valid_from=terms.valid_from,
        valid_to=terms.valid_to,
        needs_coupon=terms.needs_coupon,
        per_person=terms.per_person,
        total=terms.total,
        ended=ended,
        used=uses.of(terms.promotion_id),
    )


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Forget some people's coupons, uses and audiences."""
    row = coupons.c
    db.execute(delete(coupons).where(row.tenant == tenant, row.person_id.in_(subjects)))
    promotion_uses.forget(db, tenant, subjects)
    audiences.forget(db, tenant, subjects)


def _made_up(work: UnitOfWork) -> str:
    # Of the command, so that a repeated command gives the same code; keyed, so that nobody who
    # knows how commands are numbered can reckon it.
    about = f"coupon {work.context.command_id}".encode()
    drawn = hmac.digest(work.secret, about, "sha256")
    return base64.b32encode(drawn[:_CODE_BYTES]).decode()


def _owner(db: Connection, tenant: str, code: str) -> str | None:
    row = coupons.c
    found = select(row.promotion_id).where(row.tenant == tenant, row.code == code)
    return db.execute(found).scalar()
