"""What campaigns' callers receive."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns.events import Credit, Face, Model, Problem
from chassis.money import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class RowProblem:
    """What is wrong with one row, counted from 1."""

    row: int
    problems: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What became of an import's rows."""

    recorded: int
    known: int
    refused: tuple[RowProblem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Created:
    """The id of what was made."""

    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What a check found."""

    passed: bool
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The tracked link's token, for ``/r/<token>``; null for a content without a link."""

    link_token: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """One slot that a content went out in."""

    platform: str
    slot: str
    property_id: str
    link_token: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentView:
    """A content with its check's results; ``problems`` null: not checked yet."""

    content_id: str
    status: str
    face: str
    sell: str
    persona: str
    platforms: tuple[str, ...]
    text: str
    length: int
    lang: str
    market: str
    campaign_id: str | None
    link: str | None
    purchase_link: bool
    ad_mark: bool
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None
    problems: tuple[Problem, ...] | None
    publications: tuple[Post, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPage:
    """Contents, oldest first; ``next`` leads to the following page."""

    contents: tuple[ContentView, ...]
    next: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelView:
    """What one model says today of the touches before an order."""

    model: Model
    credits: tuple[Credit, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributionView:
    """An order's attribution as recorded, and all models side by side.

    Models describe association, not cause.
    """

    order_id: str
    model: str
    window_days: int
    ordered_at: datetime
    amount: Money
    reversed: Money
    credits: tuple[Credit, ...]
    side_by_side: tuple[ModelView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelFigures:
    """One channel in one period.

    ``orders`` is the sum of the shares of orders, ``revenue`` their value after reversals.
    """

    channel: str
    touches: int
    orders: Decimal
    revenue: tuple[Money, ...]
    spend: tuple[Money, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceFigures:
    """How much of what was published in a period had one face."""

    face: Face
    published: int
    share: Decimal
