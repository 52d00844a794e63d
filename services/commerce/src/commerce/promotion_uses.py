"""How often promotions and coupons were used, and how often they still may be."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, update

from commerce.coupons import Coupon
from commerce.promotion_events import PromotionDefined
from commerce.promotion_tables import coupon_uses, coupons, promotion_uses, promotions


class Uses:
    """The uses of promotions, as they concern one buyer.

    Args:
        db: An open transaction.
        tenant: Whose shop.
        names: All ids of the buyer, the person's first; none for nobody in particular.
    """

    def __init__(self, db: Connection, tenant: str, names: Sequence[str]) -> None:
        self.db = db
        self.tenant = tenant
        self._names = names

    @property
    def person(self) -> str | None:
        """Who buys, if that is known."""
        return self._names[0] if self._names else None

    def lock(self, promotion_ids: Sequence[str], code: str | None) -> None:
        """Let other orders with these promotions or this coupon wait until this one is through.

        Two orders at once would each see the last use as not yet taken.
        """
        row = promotions.c
        if promotion_ids:
            mine = (row.tenant == self.tenant) & row.promotion_id.in_(promotion_ids)
            ids = select(row.promotion_id).where(mine).order_by(row.promotion_id)
            self.db.execute(ids.with_for_update()).all()
        if code is not None:
            given = (coupons.c.tenant == self.tenant) & (coupons.c.code == code)
            self.db.execute(select(coupons.c.code).where(given).with_for_update()).all()

    def left(self, terms: PromotionDefined) -> bool:
        """Say whether the buyer may use a promotion once more."""
        in_all = terms.total is None or self.of(terms.promotion_id) < terms.total
        return in_all and (terms.per_person is None or self._own(terms) < terms.per_person)

    def spent(self, terms: PromotionDefined, coupon: Coupon) -> bool:
        """Say whether a coupon cannot be used once more, by itself or for its promotion."""
        row = coupon_uses.c
        used = select(func.count()).where(
            row.tenant == self.tenant, row.code == coupon.code, row.counts
        )
        return int(self.db.execute(used).scalar_one()) >= coupon.uses or not self.left(terms)

    def of(self, promotion_id: str) -> int:
        """Return in how many orders that stand or may still stand a promotion is used."""
        row = promotion_uses.c
        used = select(func.count()).where(
            row.tenant == self.tenant, row.promotion_id == promotion_id, row.counts
        )
        return int(self.db.execute(used).scalar_one())

    def _own(self, terms: PromotionDefined) -> int:
        row = promotion_uses.c
        used = select(func.count()).where(
            row.tenant == self.tenant,
            row.promotion_id == terms.promotion_id,
            row.person_id.in_(self._names),
            row.counts,
        )
        return int(self.db.execute(used).scalar_one())


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Forget who used what; that it was used still counts, or others could use it once more."""
    row = promotion_uses.c
    mine = (row.tenant == tenant) & row.person_id.in_(subjects)
    db.execute(update(promotion_uses).where(mine).values(person_id=None))
