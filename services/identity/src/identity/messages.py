"""The bodies of requests about persons, and of their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.clock import moment
from identity.events import Evidence, EvidenceKind
from identity.fields import Address, Country, Short
from identity.merging import Joined

Purpose = Literal["marketing", "service", "analytics", "sharing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonBody:
    """Somebody the brand came to know, with the account or address that they named."""

    origin: Short
    account_id: UUID | None = None
    evidence: EvidenceKind = "declared"
    email: Address | None = field(default=None, repr=False)
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRef:
    """The id of a person."""

    person_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkBody:
    """An account that is a person's, and what speaks for it."""

    account_id: UUID
    evidence: Evidence
    rule: Short = "declared"
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EmailBody:
    """An address that a person named."""

    address: Address = field(repr=False)
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchBody:
    """What somebody gave of themselves; the phone decides wherever there is one."""

    number: str | None = field(default=None, repr=False)
    region: Country | None = None
    email: Address | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchView:
    """Who that is, if anybody, and by what."""

    person_id: UUID | None
    by: Literal["phone", "email"] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentBody:
    """A yes: for what, over which channel, on which ground, to which text."""

    purpose: Purpose
    channel: Short
    basis: Short = "consent"
    text_version: Short
    proof: str | None = field(default=None, repr=False)
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalBody:
    """A no: for what, over which channel."""

    purpose: Purpose
    channel: Short
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentView:
    """One line of the ledger of what a person agreed to."""

    person_id: UUID
    purpose: str
    channel: str
    said: Literal["granted", "withdrawn"]
    basis: str | None
    text_version: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MembershipBody:
    """The programme that a person joins."""

    programme: Short
    from_account: UUID | None = None
    campaign_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberRef:
    """The id of a membership."""

    member_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeBody:
    """Two persons who are one; with the proposal, a reviewer's decision."""

    a: UUID
    b: UUID
    proposal_id: UUID | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeView:
    """What became of them: one person by a link, or a proposal."""

    merged: bool
    survivor: UUID
    other: UUID
    link_id: UUID | None
    proposal_id: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitBody:
    """The link that was wrong."""

    link_id: UUID
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewView:
    """A pair of persons who wait for a reviewer."""

    proposal_id: UUID
    a: UUID
    b: UUID
    score: float
    features: Sequence[str]
    proposed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRef:
    """The id of a request to be forgotten."""

    request_id: UUID


def merge_view(joined: Joined) -> MergeView:
    """Return what became of two persons as it is shown."""
    return MergeView(
        merged=joined.merged,
        survivor=joined.survivor,
        other=joined.other,
        link_id=joined.by if joined.merged else None,
        proposal_id=None if joined.merged else joined.by,
    )


def consent_view(line: Mapping[str, Any]) -> ConsentView:
    """Return one line of the ledger as it is shown."""
    shown = {name: line[name] for name in ConsentView.__slots__ if name != "at"}
    return ConsentView(at=moment(line["at"]), **shown)


def review_view(pair: Mapping[str, Any]) -> ReviewView:
    """Return a waiting pair as it is shown."""
    shown = {name: pair[name] for name in ReviewView.__slots__ if name != "proposed_at"}
    return ReviewView(proposed_at=moment(pair["proposed_at"]), **shown)
