"""What campaigns' callers send."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, validate

from campaigns.events import Author, Face, Sell
from chassis.money import AskedMoney, Money
from chassis.schemas import Readable, Whole

MOST_ROWS = 5000

# Ids of people and things elsewhere: opaque, and never an e-mail address.
_OPAQUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z", re.ASCII)
Opaque = Annotated[str, Whole(_OPAQUE)]
Name = Annotated[str, validate.Length(min=1, max=200), Readable()]
Count = Annotated[int, validate.Range(min=0)]


class _NotNegative(validate.Validator):
    """Money that was paid, not received."""

    def __call__(self, value: Money) -> Money:
        """Return the amount; raises ValidationError."""
        if value.amount < 0:
            raise ValidationError("Must not be negative.")
        return value


class _WebAddress(validate.Validator):
    """An http address with a host, and with nothing in it that hides where it leads."""

    def __call__(self, value: str) -> str:
        """Return the address; raises ValidationError."""
        if not value.isprintable() or re.search(r"[\s\\]", value) or not _leads_somewhere(value):
            raise ValidationError("Not a plain http or https address.")
        return value


def _leads_somewhere(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


Cost = Annotated[AskedMoney, _NotNegative()]
Link = Annotated[str, validate.Length(max=2000), _WebAddress()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A content as its author sends it.

    ``market`` is a country code, the tenant's own where it is left out.  ``to_shop`` says
    that the link leads to a shop although no product is named.
    """

    face: Face
    sell: Sell
    persona: Name
    platforms: Annotated[tuple[Opaque, ...], validate.Length(min=1, max=20)]
    text: Annotated[str, validate.Length(min=1, max=100_000), Readable()]
    lang: Annotated[str, validate.Length(min=2, max=20)]
    author: Author = "brand"
    market: Annotated[str, Whole(re.compile(r"[A-Z]{2}\Z"))] | None = None
    products: Annotated[tuple[Name, ...], validate.Length(max=100)] = ()
    segments: Annotated[tuple[Name, ...], validate.Length(max=100)] = ()
    campaign_id: Opaque | None = None
    link: Link | None = None
    to_shop: bool = False
    disclosure: Annotated[str, validate.Length(max=500)] | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Nothing but when it happened, for what is imported."""

    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """Where a content goes out; the same platform and slot again is the same post."""

    platform: Opaque
    slot: Opaque
    property_id: Opaque
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """Why a content is taken back."""

    reason: Annotated[str, validate.Length(min=1, max=500), Readable()]
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLimit:
    """How long a post may be from a moment on; ``characters`` null: without limit."""

    platform: Opaque
    author: Author
    characters: Annotated[int, validate.Range(min=1)] | None
    effective_from: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTouch:
    """Somebody met the brand through a channel."""

    subject: Opaque
    channel: Opaque
    kind: Opaque
    direct: bool = False
    campaign_id: Opaque | None = None
    content_id: Opaque | None = None
    cost: Cost | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchRow:
    """One touch of an import; ``key`` is the row's own, the same again is the same touch."""

    key: Name
    subject: Opaque
    channel: Opaque
    kind: Opaque
    at: datetime
    direct: bool = False
    campaign_id: Opaque | None = None
    content_id: Opaque | None = None
    cost: Cost | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRow:
    """One session of an import; ``key`` is the row's own, the same again is the same session."""

    key: Name
    subject: Opaque
    source: Opaque
    started_at: datetime
    ended_at: datetime
    device: Opaque | None = None
    steps: dict[Opaque, Count]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The rows of an import.  Each is read by itself: a bad one spoils no other."""

    rows: Annotated[tuple[Any, ...], validate.Length(min=1, max=MOST_ROWS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend:
    """What an ad cost on one day."""

    ad_id: Opaque
    channel: Opaque
    day: date
    impressions: Count
    clicks: Count
    cost: Cost
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which contents are wanted."""

    cursor: str | None = None
    limit: Annotated[int, validate.Range(min=1, max=200)] = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class OfOrder:
    """Which order is asked about."""

    order_id: Opaque


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """From a moment to before another; open where one is left out."""

    since: datetime | None = None
    until: datetime | None = None
