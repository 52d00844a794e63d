"""What commerce is asked about promotions over HTTP, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from marshmallow import validate

from chassis.money import InUse, Money
from chassis.schemas import Whole
from commerce.messages import CouponCode, Qty, Sku, Subject, Text
from commerce.promotion_events import Discount, Wording

Language = Annotated[
    str, Whole(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}$", error="Not a BCP 47 language tag.")
]
Audience = Annotated[
    str,
    Whole(
        r"^(everybody|customers|prospects|programme:[\x21-\x7e]{1,100})$",
        error="everybody, customers, prospects or programme:<programme>.",
    ),
]


class _OfToday(validate.Validator):
    """A share, or an amount in a currency that is in use."""

    def __call__(self, value: Discount) -> Discount:
        """Return the discount; raises ValidationError."""
        if value.amount is not None:
            InUse()(value.amount)
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class WordingRequest(Wording):
    """How a promotion is told in one language."""

    lang: Language
    text: Text


@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionRequest:
    """For whom which goods cost less.

    Args:
        skus: Which products; all if nothing is said.
        valid_from: From when; now if nothing else is said.
        needs_coupon: It holds only with a coupon.
        per_person: In how many orders one person may use it.
        total: In how many orders it may be used at all.
    """

    promotion_id: Sku
    texts: Annotated[tuple[WordingRequest, ...], validate.Length(min=1, max=50)]
    audience: Audience = "everybody"
    discount: Annotated[Discount, _OfToday()]
    skus: Annotated[tuple[Sku, ...], validate.Length(min=1, max=1000)] | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    needs_coupon: bool = False
    per_person: Qty | None = None
    total: Qty | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionView:
    """A promotion as it stands; ``used`` counts the orders that have it."""

    promotion_id: str
    texts: tuple[Wording, ...]
    audience: str
    discount: Discount
    skus: tuple[str, ...] | None
    valid_from: datetime
    valid_to: datetime | None
    needs_coupon: bool
    per_person: int | None
    total: int | None
    ended: bool
    used: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionPage:
    """Some promotions, and where the next ones begin."""

    promotions: tuple[PromotionView, ...]
    next: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CouponRequest:
    """A code to give out.

    Args:
        code: Which; one is made up if nothing is said.
        person_id: For whom only.
        uses: In how many orders.
    """

    code: CouponCode | None = None
    person_id: Subject | None = None
    uses: Qty = 1
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CouponView:
    """A code that was given out."""

    code: str
    promotion_id: str
    person_id: str | None
    uses: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionText:
    """Which promotion made a price, told in ``lang``."""

    promotion_id: str
    lang: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceWanted:
    """Which price, for whom.

    Args:
        person_id: A person, account or visitor; nobody in particular if nothing is said.
        lang: In which language the promotion is told (BCP 47).
        coupon: As if it were ordered with this coupon.
        at: At which moment; now if nothing else is said.
    """

    sku: Sku
    person_id: Subject | None = None
    lang: Language | None = None
    coupon: CouponCode | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceView:
    """What one piece costs somebody."""

    sku: str
    title: str
    list: Money
    sale: Money
    price: Money
    promotion: PromotionText | None
