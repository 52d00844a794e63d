"""The typed rows that events become; each row says what happened, for whom and when.

A fact never depends on another one, so in any order of arrival the set is the same.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """What every row says.

    Args:
        tenant: Whose fact it is.
        at: When it counts, in microseconds since 1970.
    """

    tenant: str
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenant(Fact):
    """A tenant was set up, with the zone that its weeks are counted in."""

    zone: str
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Follow(Fact):
    """An account began to follow the brand."""

    account_id: str
    property_id: str
    platform: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Person(Fact):
    """Somebody became a known person."""

    person_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge(Fact):
    """One known person turned out to be another one."""

    link_id: str
    survivor: str
    absorbed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Split(Fact):
    """A merge was wrong and is undone."""

    link_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Link(Fact):
    """An account was recognised as a person's."""

    account_id: str
    person_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Phone(Fact):
    """A person proved to hold a phone."""

    phone_id: str
    person_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership(Fact):
    """A person became a member."""

    member_id: str
    person_id: str
    programme: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention(Fact):
    """Somebody spoke of the brand; it counts when it was discovered."""

    mention_id: str
    brand: str
    platform: str
    kind: str
    lang: str
    posted_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionedProduct(Fact):
    """A mention was about a product."""

    mention_id: str
    product: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification(Fact):
    """A mention was read: how it feels and what it wants."""

    mention_id: str
    polarity: str
    intent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseOpened(Fact):
    """A reply became owed."""

    case_id: str
    kind: str
    due_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply(Fact):
    """A reply went out."""

    case_id: str
    within: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Breach(Fact):
    """A reply was still owed when it was due."""

    case_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResolved(Fact):
    """Nothing is owed in a conversation any more."""

    case_id: str
    outcome: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentStep(Fact):
    """A piece of content was drafted, approved, rejected or withdrawn."""

    content_id: str
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPublished(Fact):
    """A piece of content was published on a platform."""

    content_id: str
    platform: str
    face: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Touch(Fact):
    """Somebody met the brand through a channel."""

    touch_id: str
    channel: str
    content_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Session(Fact):
    """Somebody visited; it counts when the visit began."""

    session_id: str
    source: str
    device: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionStep(Fact):
    """A visit came to a certain step."""

    session_id: str
    step: str
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Spend(Fact):
    """A day's cost of an advertisement; ``at`` is that day's midnight on the wall clock."""

    ad_id: str
    channel: str
    impressions: int
    clicks: int
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit(Fact):
    """A channel's share of an order, in billionths."""

    order_id: str
    model: str
    channel: str
    weight: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CreditReversed(Fact):
    """A share of an order's credits was taken back, in billionths."""

    order_id: str
    fraction: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced(Fact):
    """An order was placed."""

    order_id: str
    person_id: str
    platform: str
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderLine(Fact):
    """An order asks for some of a product."""

    order_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfirmed(Fact):
    """An order was paid for and its stock is set aside."""

    order_id: str
    person_id: str
    platform: str
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderEnded(Fact):
    """An order came to an end: cancelled, expired or completed."""

    order_id: str
    how: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment(Fact):
    """Something happened to a payment."""

    payment_id: str
    order_id: str
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fulfilment(Fact):
    """Something happened to an order's goods on their way."""

    order_id: str
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure(Fact):
    """Somebody asked to be forgotten; the subjects' ids stand in their JSON form."""

    request_id: str
    subjects: str


TABLES: dict[type[Fact], str] = {
    Tenant: "tenant",
    Follow: "follow",
    Person: "person",
    Merge: "merge",
    Split: "split",
    Link: "link",
    Phone: "phone",
    Membership: "membership",
    Mention: "mention",
    MentionedProduct: "mentioned_product",
    Classification: "classification",
    CaseOpened: "case_opened",
    Reply: "reply",
    Breach: "breach",
    CaseResolved: "case_resolved",
    ContentStep: "content_step",
    ContentPublished: "content_published",
    Touch: "touch",
    Session: "session",
    SessionStep: "session_step",
    Spend: "spend",
    Credit: "credit",
    CreditReversed: "credit_reversed",
    OrderPlaced: "order_placed",
    OrderLine: "order_line",
    OrderConfirmed: "order_confirmed",
    OrderEnded: "order_ended",
    Payment: "payment",
    Fulfilment: "fulfilment",
    Erasure: "erasure",
}
