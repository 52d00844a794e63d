"""What is asked of drops over HTTP, and what is answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from commerce.messages import Qty, Sku, Subject, Text
from commerce.order_events import Origin
from commerce.stock import ONLINE

DropStateName = Literal["scheduled", "open", "sold_out", "closed"]
EntryStatus = Literal[
    "waiting",
    "granted",
    "used",
    "bought",
    "expired",
    "given_back",
    "passed_over",
    "sold_out",
    "closed",
]
_DAY = 24 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class DropRequest:
    """A limited sale.

    Args:
        location: Where its pieces are now.
        channel_exclusive: The only platform one may buy the product on, from its opening.
        exclusive_until: How long; until it closes if nothing is said.
        per_person: How many one person may have, over all their accounts.
        verified_only: Whether one needs a verified phone.
        pay_within_minutes: How long whoever may buy has for it.
    """

    sku: Sku
    location: Sku = ONLINE
    stock: Qty
    per_person: Qty = 1
    opens_at: datetime
    closes_at: datetime
    channel_exclusive: Text | None = None
    exclusive_until: datetime | None = None
    verified_only: bool = True
    pay_within_minutes: Annotated[int, validate.Range(min=1, max=_DAY)] = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class DropView:
    """A drop as it stands.

    Args:
        granted: Pieces that somebody may buy now.
        ordered: Pieces that are ordered and not paid yet.
        waiting: Entries whose turn has not come; once it has ended, those that go without.
        sold: Pieces that belong to orders that stand.
        returned: Pieces that went back unsold to where they came from.
    """

    drop_id: UUID
    sku: str
    state: DropStateName
    stock: int
    per_person: int
    channel_exclusive: str | None
    exclusive_until: datetime | None
    opens_at: datetime
    closes_at: datetime
    entered: int
    waiting: int
    granted: int
    ordered: int
    sold: int
    returned: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DropPage:
    """Some drops, and where the next ones begin."""

    drops: tuple[DropView, ...]
    next: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryRequest:
    """A wish for pieces of a drop."""

    person_id: Subject
    qty: Qty = 1
    origin: Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryView:
    """An entry as it stands.

    Args:
        place_in_line: 1 for whoever is the next; None for who does not wait.
        pay_until: Until when the pieces are kept, once it was granted.
        order_id: The order that was placed under it.
    """

    drop_id: UUID
    entry_id: UUID
    status: EntryStatus
    qty: int
    place_in_line: int | None
    pay_until: datetime | None
    order_id: UUID | None
