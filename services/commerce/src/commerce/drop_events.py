"""What commerce records about a limited sale: who came when, who may buy, what became of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.events import registry
from commerce.order_events import Origin


@registry.event("drop_scheduled", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropScheduled:
    """So many pieces are set aside for a limited sale.

    Args:
        location: Where the pieces come from, and where those go that nobody buys.
        place: The location of the drop's own, from which its orders are filled.
        channel_exclusive: The only platform one may buy on; None for any.
        exclusive_until: How long the product is that platform's alone.
        per_person: How many pieces one person may buy, over all their accounts.
        verified_only: Whether one needs a verified phone.
        pay_within: For how many seconds a grant is good.
    """

    drop_id: UUID
    sku: str
    location: str
    place: str
    stock: int
    channel_exclusive: str | None
    exclusive_until: datetime | None
    per_person: int
    verified_only: bool
    opens_at: datetime
    closes_at: datetime
    pay_within: int


@registry.event("drop_opened", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropOpened:
    """The moment has come from which one may enter."""

    drop_id: UUID
    sku: str


@registry.event("drop_entered", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntered:
    """Somebody asked for pieces.

    Args:
        number: 1 for whoever came first: the order of arrival is the order of turns.
    """

    drop_id: UUID
    entry_id: UUID
    number: int
    person_id: str
    phones: tuple[str, ...]
    qty: int
    origin: Origin
    at: datetime


@registry.event("drop_granted", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropGranted:
    """Pieces are kept for an entry until a moment; to order and to pay for."""

    drop_id: UUID
    entry_id: UUID
    person_id: str
    qty: int
    pay_until: datetime


@registry.event("drop_entry_passed_over", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntryPassedOver:
    """An entry's turn came and it could not be served: it leaves the line."""

    drop_id: UUID
    entry_id: UUID
    qty: int
    reason: str


@registry.event("drop_grant_expired", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropGrantExpired:
    """Nobody ordered under a grant in time; its pieces are the next one's."""

    drop_id: UUID
    entry_id: UUID
    qty: int


@registry.event("drop_entry_used", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntryUsed:
    """An order was placed under a grant."""

    drop_id: UUID
    entry_id: UUID
    qty: int
    order_id: UUID


@registry.event("drop_entry_bought", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntryBought:
    """The sale stands: the pieces are paid for."""

    drop_id: UUID
    entry_id: UUID
    qty: int
    order_id: UUID


@registry.event("drop_entry_given_back", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntryGivenBack:
    """An entry's order came to nothing; its pieces are the next one's.

    Args:
        bought: Whether the sale had already stood.
    """

    drop_id: UUID
    entry_id: UUID
    qty: int
    order_id: UUID
    bought: bool
    reason: str


@registry.event("drop_entry_revived", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntryRevived:
    """A late payment brought an entry's order back, and there were pieces for it."""

    drop_id: UUID
    entry_id: UUID
    qty: int
    order_id: UUID


@registry.event("drop_sold_out", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropSoldOut:
    """Every piece belongs to an order that stands; whoever still waits goes without."""

    drop_id: UUID
    sku: str
    stock: int


@registry.event("drop_closed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropClosed:
    """Nobody enters any more, and nobody's turn comes any more.

    Args:
        sold: Pieces that belong to orders that stand.
    """

    drop_id: UUID
    sku: str
    sold: int


@registry.event("drop_stock_returned", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class DropStockReturned:
    """Pieces that the drop did not sell went back to where they came from."""

    drop_id: UUID
    sku: str
    location: str
    qty: int


DropEvent = (
    DropScheduled
    | DropOpened
    | DropEntered
    | DropGranted
    | DropEntryPassedOver
    | DropGrantExpired
    | DropEntryUsed
    | DropEntryBought
    | DropEntryGivenBack
    | DropEntryRevived
    | DropSoldOut
    | DropClosed
    | DropStockReturned
)
