"""What can be asked of a drop, and what it needs to know of whoever asks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from commerce.order_events import Origin

Outcome = Literal["none", "open", "stands", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Who somebody is, as known when they were looked up.

    Args:
        kin: All ids that are known to be this person's, the given one among them.
        phones: The verified phones that the person holds, by identity's ids.
        erased: Whether the person asked to be forgotten.
    """

    kin: frozenset[str]
    phones: frozenset[str] = frozenset()
    erased: bool = False

    @property
    def verified(self) -> bool:
        """Say whether the person holds a verified phone."""
        return bool(self.phones)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Announce a limited sale of pieces that were set aside."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """Note that the moment has come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enter:
    """Ask for pieces."""

    entry_id: UUID
    person_id: str
    standing: Standing
    qty: int
    origin: Origin
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CallNext:
    """Let the first in line buy, or leave the line, if there is enough for them.

    Args:
        standing: Of the first in line.
    """

    standing: Standing
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """Order under a grant."""

    entry_id: UUID
    standing: Standing
    order_id: UUID
    platform: str
    sku: str
    qty: int
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Settle:
    """Bring an entry into line with its order.

    Args:
        outcome: No order was placed, or it is open, stands for good, or came to nothing and
            holds no goods.
    """

    entry_id: UUID
    outcome: Outcome
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    """End the sale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnStock:
    """Give pieces up that were not sold."""

    qty: int


DropCommand = Schedule | Open | Enter | CallNext | Use | Settle | Close | ReturnStock
