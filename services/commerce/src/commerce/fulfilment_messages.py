"""What the fulfilment partner is told, and what it tells us."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from commerce.messages import Text

News = Literal["accepted", "shipped", "delivered", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelLine:
    """So many pieces of one product."""

    sku: str
    qty: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelOrder:
    """What is to be packed, or not to be sent after all.

    Args:
        merchant: Whose order; the partner's callbacks are signed with the merchant's own key.
        reference: A marketplace's own number of it.
    """

    merchant: str
    callback_url: str
    location: str
    lines: tuple[ParcelLine, ...] = ()
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PartnerCallback:
    """One piece of news from the fulfilment partner.

    Args:
        callback_id: The partner's own id of it.
        shipped: Of a failure: whether the parcel had left before.
        sent_at: When the partner sent it.
    """

    callback_id: Text
    order_id: UUID
    kind: News
    carrier: Text | None = None
    no: Text | None = None
    reason: Text | None = None
    shipped: bool = False
    sent_at: datetime
