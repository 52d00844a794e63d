"""What goods cost somebody: the sale price, or less by a promotion that is for them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, or_, select

from chassis import schemas
from chassis.clock import micros
from chassis.money import Money
from chassis.unit_of_work import UnitOfWork
from commerce import coupons, persons, queries
from commerce.audiences import audiences_of
from commerce.coupons import Coupon
from commerce.discounts import reduced
from commerce.messages import OrderRequest
from commerce.order_events import OrderLine
from commerce.product import PRODUCT
from commerce.promotion_events import PromotionDefined
from commerce.promotion_messages import PriceView, PromotionText
from commerce.promotion_tables import promotions
from commerce.promotion_uses import Uses
from commerce.wordings import worded


@dataclass(frozen=True, kw_only=True, slots=True)
class Priced:
    """What one piece costs, and by which promotion."""

    price: Money
    by: PromotionDefined | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Offers:
    """The promotions that somebody gets: those that hold by themselves, and the coupon's."""

    automatic: tuple[PromotionDefined, ...] = ()
    by_coupon: PromotionDefined | None = None

    def best(self, sku: str, sale: Money) -> Priced:
        """Return the lowest price of a product.

        Among equal prices the one without a promotion comes first, then those that hold by
        themselves: a coupon that saves nothing is not spent.
        """
        offered = (*self.automatic, *((self.by_coupon,) if self.by_coupon else ()))
        prices = [Priced(price=sale)]
        for terms in offered:
            price = reduced(sale, terms.discount) if concerns(terms, [sku]) else None
            prices.extend([Priced(price=price, by=terms)] if price else [])
        return min(prices, key=lambda priced: priced.price.amount)


@dataclass(frozen=True, kw_only=True, slots=True)
class Basket:
    """The lines of an order at their prices, and the coupon if it made one of them."""

    lines: tuple[OrderLine, ...]
    coupon: str | None


def basket_of(work: UnitOfWork, wanted: OrderRequest) -> Basket:
    """Return an order's lines at the prices that hold now, the limited uses locked.

    Raises:
        ProductUnknown: a product is not in the catalogue.
        NotOffered: one has no price now.
        CouponUnknown, CouponUsedUp, NotForYou, PromotionOver: the coupon does not do.
    """
    sales = {
        line.sku: work.load(PRODUCT, line.sku).state.offer_at(work.now).sale
        for line in wanted.lines
    }
    offers = offers_for(
        work.db, work.tenant, wanted.person_id, sales, work.now, coupon=wanted.coupon, lock=True
    )
    best = {sku: offers.best(sku, sale) for sku, sale in sales.items()}
    lines = tuple(
        OrderLine(
            sku=line.sku,
            qty=line.qty,
            price=best[line.sku].price,
            promotion=_id_of(best[line.sku].by),
        )
        for line in wanted.lines
    )
    spent = offers.by_coupon and offers.by_coupon in [priced.by for priced in best.values()]
    return Basket(lines=lines, coupon=wanted.coupon.upper() if spent and wanted.coupon else None)


def price_of(
    db: Connection,
    tenant: str,
    *,
    sku: str,
    person_id: str | None,
    at: datetime,
    lang: str | None = None,
    coupon: str | None = None,
) -> PriceView:
    """Return what one piece costs somebody, told in their language.

    Raises:
        ProductUnknown: it is not in the catalogue.
        NotOffered: it has no price then.
        CouponUnknown, CouponUsedUp, NotForYou, PromotionOver: the coupon does not do.
    """
    product = queries.state_of(db, tenant, PRODUCT, sku)[0]
    offer = product.offer_at(at)
    priced = offers_for(db, tenant, person_id, [sku], at, coupon=coupon).best(sku, offer.sale)
    return PriceView(
        sku=sku,
        title=product.title or "",
        list=offer.list,
        sale=offer.sale,
        price=priced.price,
        promotion=told(priced, lang),
    )


def told(priced: Priced, lang: str | None) -> PromotionText | None:
    """Say in somebody's language which promotion made a price."""
    if priced.by is None:
        return None
    wording = worded(priced.by.texts, lang)
    return PromotionText(promotion_id=priced.by.promotion_id, lang=wording.lang, text=wording.text)


def offers_for(
    db: Connection,
    tenant: str,
    buyer: str | None,
    skus: Collection[str],
    at: datetime,
    *,
    coupon: str | None = None,
    lock: bool = False,
) -> Offers:
    """Return the promotions of some products that somebody gets at a moment.

    Args:
        db: An open transaction.
        tenant: Whose shop.
        buyer: A person, account or visitor; None for nobody in particular.
        skus: What they look at.
        at: When.
        coupon: A code they give.
        lock: They order now: let nobody else take the last use until this transaction ends.

    Raises:
        CouponUnknown, CouponUsedUp, NotForYou, PromotionOver: the coupon does not do.
    """
    given = coupons.coupon_at(db, tenant, coupon, at) if coupon else None
    automatic = [terms for terms in _holding(db, tenant, at) if concerns(terms, skus)]
    if given is None and not automatic:
        return Offers()
    names = sorted(persons.kin_of(db, tenant, [buyer])[buyer]) if buyer else []
    audiences = audiences_of(db, tenant, names)
    theirs = [terms for terms in automatic if terms.audience in audiences]
    by_coupon = _opened_by(given, names, audiences) if given else None
    uses = Uses(db, tenant, names)
    if lock:
        _lock(uses, [*theirs, *([by_coupon] if by_coupon else [])], given)
    if given and by_coupon and uses.spent(by_coupon, given):
        raise coupons.CouponUsedUp("This coupon is used up; order without it.")
    left = tuple(terms for terms in theirs if uses.left(terms))
    return Offers(automatic=left, by_coupon=by_coupon)


def _opened_by(given: Coupon, names: Sequence[str], audiences: Collection[str]) -> PromotionDefined:
    terms = _terms(given.terms)
    coupons.check_person(given, terms.audience, names, audiences)
    return terms


def concerns(terms: PromotionDefined, skus: Collection[str]) -> bool:
    """Say whether a promotion is about one of some products."""
    return terms.skus is None or not set(terms.skus).isdisjoint(skus)


def _lock(uses: Uses, wanted: Sequence[PromotionDefined], given: Coupon | None) -> None:
    limited = [terms for terms in wanted if terms.total or terms.per_person]
    if not limited and given is None:
        return
    # The person first, as orders lock it too: in another order two orders could wait for ever.
    if uses.person is not None:
        persons.one_at_a_time(uses.db, uses.tenant, uses.person)
    uses.lock([terms.promotion_id for terms in limited], given.code if given else None)


def _holding(db: Connection, tenant: str, at: datetime) -> list[PromotionDefined]:
    row = promotions.c
    holding = (
        select(row.terms)
        .where(
            row.tenant == tenant,
            row.needs_coupon.is_(False),
            row.ended.is_(False),
            row.valid_from <= micros(at),
            or_(row.valid_to.is_(None), row.valid_to > micros(at)),
        )
        .order_by(row.promotion_id)
    )
    return [_terms(found) for found in db.execute(holding).scalars()]


@lru_cache(maxsize=4096)
def _terms(stored: str) -> PromotionDefined:
    values: Mapping[str, object] = json.loads(stored)
    return schemas.load(PromotionDefined, values)


def _id_of(terms: PromotionDefined | None) -> str | None:
    return terms.promotion_id if terms else None
