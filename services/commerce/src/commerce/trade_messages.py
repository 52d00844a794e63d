"""What marketplaces tell us over HTTP, and how we answer.

Taobao and Tmall push messages of a topic with a JSON text as ``content``, and repeat what is not
confirmed.  A bridge posts them here, with the trade's full details (``orders``, ``payment``) as
their trade API gives them joined into the content.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from marshmallow import validate

from chassis.schemas import Whole
from commerce.messages import Sku, Text

MOST_CONTENT = 100_000
AMOUNT = Whole(r"^[0-9]{1,10}(\.[0-9]{1,2})?$", error="An amount as 149.00.")
Amount = Annotated[str, AMOUNT]
# News of a sale that stands: it is read whatever it leaves blank.
Said = Annotated[str, validate.Length(min=1, max=200)]
Number = Annotated[str, Whole(r"^[0-9]{1,32}$", error="Digits.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class MarketplaceMessage:
    """One message as the marketplace's message service pushes it.

    Args:
        id: The marketplace's own id of it; the same again is no news.
        user_nick: Which of our shops there.
        content: A JSON object as text.
    """

    id: Annotated[str, Whole(r"^[A-Za-z0-9_-]{1,64}$", error="Letters, digits, dash.")]
    topic: Text
    user_nick: Text
    content: Annotated[str, validate.Length(min=2, max=MOST_CONTENT)]
    pub_time: Said | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a message says of a trade; a message need not say everything."""

    tid: Number
    payment: Amount | None = None
    created: Said | None = None
    buyer_open_uid: Said | None = None
    buyer_nick: Said | None = None
    company_name: Said | None = None
    out_sid: Said | None = None
    refund_id: Number | None = None
    refund_fee: Amount | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentLine:
    """One sub-order: so many pieces of what the marketplace calls by the seller's own code.

    Args:
        divide_order_fee: What the buyer pays for it after the trade's own discounts.
        payment: What the buyer pays for it.
        price: Of one piece, before any discount.
    """

    num: Annotated[int, validate.Range(min=1, max=100_000)]
    outer_sku_id: Said | None = None
    outer_iid: Said | None = None
    divide_order_fee: Amount | None = None
    payment: Amount | None = None
    price: Amount | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HeardView:
    """Whether a message was done; one that was not is to be sent again."""

    taken: bool
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OuterSkuRequest:
    """Which product of ours a marketplace means."""

    outer_id: Text
    sku: Sku
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedMessageView:
    """A message that waits until it can be done."""

    marketplace: str
    trade_no: str
    message_id: str
    topic: str
    code: str
    detail: str
    refused_at: datetime
