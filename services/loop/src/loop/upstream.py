"""What the loop reads of the four services' events: no personal field among it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from chassis.money import Money
from chassis.upstream import Upstream

SOURCES = ("identity", "listening", "campaigns", "commerce")
upstream = Upstream()


@upstream.event("identity", "tenant_created")
@upstream.event("identity", "tenant_revised")
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantDescribed:
    """A tenant was set up, or is served otherwise from now on."""

    zone: str
    currency: str


@upstream.event("identity", "brand_followed")
@dataclass(frozen=True, kw_only=True, slots=True)
class BrandFollowed:
    """An account began to follow the brand."""

    account_id: str
    property_id: str
    platform: str
    at: datetime


@upstream.event("identity", "person_registered")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRegistered:
    """Somebody became a known person."""

    person_id: str


@upstream.event("identity", "account_linked")
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLinked:
    """An account was recognised as a person's."""

    account_id: str
    person_id: str


@upstream.event("identity", "persons_merged")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonsMerged:
    """One known person turned out to be another one."""

    link_id: str
    survivor: str
    absorbed: str


@upstream.event("identity", "person_split")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonSplit:
    """A merge was wrong and is undone."""

    undoes_link_id: str


@upstream.event("identity", "phone_verified")
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneVerified:
    """A person proved to hold a phone."""

    phone_id: str
    person_id: str


@upstream.event("identity", "member_enrolled")
@dataclass(frozen=True, kw_only=True, slots=True)
class MemberEnrolled:
    """A person became a member."""

    member_id: str
    person_id: str
    programme: str


@upstream.event("identity", "erasure_requested")
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRequested:
    """Somebody asked to be forgotten."""

    request_id: str
    subjects: Sequence[str]


@upstream.event("listening", "mention_detected")
@dataclass(frozen=True, kw_only=True, slots=True)
class MentionDetected:
    """Somebody spoke of the brand."""

    mention_id: str
    brand: str
    platform: str
    kind: str
    posted_at: datetime
    detected_at: datetime
    lang: str | None = None
    product_refs: Sequence[str] = ()


@upstream.event("listening", "mention_classified")
@dataclass(frozen=True, kw_only=True, slots=True)
class MentionClassified:
    """A mention was read."""

    mention_id: str
    polarity: str
    intent: str | None = None


@upstream.event("listening", "case_opened")
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseOpened:
    """A reply became owed."""

    case_id: str
    type: str
    due_at: datetime


@upstream.event("listening", "reply_sent")
@dataclass(frozen=True, kw_only=True, slots=True)
class ReplySent:
    """A reply went out."""

    case_id: str
    at: datetime
    within: bool


@upstream.event("listening", "sla_breached")
@dataclass(frozen=True, kw_only=True, slots=True)
class SlaBreached:
    """A reply was still owed when it was due."""

    case_id: str


@upstream.event("listening", "case_resolved")
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResolved:
    """Nothing is owed in a conversation any more."""

    case_id: str
    outcome: str


@upstream.event("campaigns", "content_drafted")
@upstream.event("campaigns", "content_approved")
@upstream.event("campaigns", "content_rejected")
@upstream.event("campaigns", "content_withdrawn")
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentMoved:
    """Something happened to a piece of content; the wire name says what."""

    content_id: str


@upstream.event("campaigns", "content_published")
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPublished:
    """A piece of content was published."""

    content_id: str
    platform: str
    at: datetime
    face: str | None = None


@upstream.event("campaigns", "touch_recorded")
@dataclass(frozen=True, kw_only=True, slots=True)
class TouchRecorded:
    """Somebody met the brand."""

    touch_id: str
    channel: str
    at: datetime
    content_id: str | None = None


@upstream.event("campaigns", "session_recorded")
@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRecorded:
    """Somebody visited."""

    session_id: str
    started_at: datetime
    source: str | None = None
    device: str | None = None
    steps: dict[str, int] = field(default_factory=dict)


@upstream.event("campaigns", "spend_recorded")
@dataclass(frozen=True, kw_only=True, slots=True)
class SpendRecorded:
    """An advertisement cost something on one day."""

    ad_id: str
    channel: str
    cost: Money
    day: date
    impressions: int = 0
    clicks: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Credited:
    """One touch's share of an order."""

    channel: str
    weight: Decimal


@upstream.event("campaigns", "conversion_attributed")
@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionAttributed:
    """An order was credited to the touches before it."""

    order_id: str
    model: str
    credits: Sequence[Credited]


@upstream.event("campaigns", "attribution_reversed")
@dataclass(frozen=True, kw_only=True, slots=True)
class AttributionReversed:
    """Some of an order's credits were taken back."""

    order_id: str
    fraction: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where an order came from."""

    platform: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Some of a product."""

    sku: str
    qty: int


@upstream.event("commerce", "order_placed", versions=(1, 2))
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced:
    """An order was placed."""

    order_id: str
    person_id: str
    lines: Sequence[Line]
    total: Money
    origin: Origin | None = None


@upstream.event("commerce", "order_confirmed")
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfirmed:
    """An order was paid for and its stock is set aside."""

    order_id: str
    person_id: str
    total: Money
    origin: Origin | None = None


@upstream.event("commerce", "order_cancelled")
@upstream.event("commerce", "order_expired")
@upstream.event("commerce", "order_completed")
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderEnded:
    """An order came to an end; the wire name says how."""

    order_id: str


@upstream.event("commerce", "payment_initiated")
@upstream.event("commerce", "payment_authorized")
@upstream.event("commerce", "payment_captured")
@upstream.event("commerce", "payment_failed")
@upstream.event("commerce", "payment_voided")
@upstream.event("commerce", "payment_refunded")
@upstream.event("commerce", "late_payment_received")
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentMoved:
    """Something happened to a payment; the wire name says what."""

    payment_id: str
    order_id: str


@upstream.event("commerce", "fulfilment_requested")
@upstream.event("commerce", "fulfilment_accepted")
@upstream.event("commerce", "fulfilment_shipped")
@upstream.event("commerce", "fulfilment_delivered")
@upstream.event("commerce", "fulfilment_failed")
@upstream.event("commerce", "return_received")
@dataclass(frozen=True, kw_only=True, slots=True)
class GoodsMoved:
    """Something happened to an order's goods; the wire name says what."""

    order_id: str
