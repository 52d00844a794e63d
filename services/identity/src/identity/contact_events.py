"""The facts about phones, consent and membership, declared in the same registry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from chassis.privacy import Personal
from identity.events import EvidenceKind, Level, ReleaseReason, registry


@registry.event("phone_claimed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneClaimed:
    """A person says that a number is theirs; nothing is proven yet.

    The account, programme and campaign are those of the form in which it was entered.
    """

    phone_id: UUID
    person_id: UUID
    phone_token: Annotated[str | None, Personal("person_id")]
    e164: Annotated[str | None, Personal("person_id")]
    region: str
    tz: str
    account_id: UUID | None
    programme: str | None
    campaign_id: str | None


@registry.event("verification_started", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationStarted:
    """A one-time code is on its way to a claimed number."""

    phone_id: UUID
    person_id: UUID
    challenge_id: UUID
    channel: str
    expires_at: datetime
    attempts_left: int


@registry.event("verification_failed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationFailed:
    """Somebody entered a wrong code."""

    phone_id: UUID
    person_id: UUID
    challenge_id: UUID
    left: int


@registry.event("phone_verified", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneVerified:
    """A person showed that they hold a number, until operators may have given it away again."""

    phone_id: UUID
    person_id: UUID
    level: Level
    verified_at: datetime
    valid_until: datetime


@registry.event("phone_contested", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneContested:
    """Somebody proved to hold a number that is verified as another person's.

    Nothing is sent to the number until the two are known to be one, or a reviewer decided.
    """

    phone_id: UUID
    holder: UUID
    challenger: UUID
    proven_at: datetime


@registry.event("phone_released", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneReleased:
    """A number is no longer taken for a person's."""

    phone_id: UUID
    person_id: UUID
    reason: ReleaseReason


@registry.event("phone_reassigned", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneReassigned:
    """A number belongs to somebody else now; the old owner's history stays with the old owner."""

    phone_id: UUID
    from_person: UUID
    to_person: UUID
    evidence: EvidenceKind


@registry.event("consent_granted", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentGranted:
    """A person agreed to be reached for a purpose over a channel, to a stated text."""

    person_id: UUID
    purpose: str
    channel: str
    basis: str
    text_version: str
    proof: Annotated[str | None, Personal("person_id")]


@registry.event("consent_withdrawn", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentWithdrawn:
    """A person does not, or no longer, agree to be reached for a purpose over a channel."""

    person_id: UUID
    purpose: str
    channel: str


@registry.event("member_enrolled", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MemberEnrolled:
    """A fan became a member: a known person who can be reached and agreed to it."""

    member_id: UUID
    person_id: UUID
    programme: str
    from_account: UUID | None
    campaign_id: str | None


PhoneEvent = (
    PhoneClaimed
    | VerificationStarted
    | VerificationFailed
    | PhoneVerified
    | PhoneContested
    | PhoneReleased
    | PhoneReassigned
)
MembershipEvent = ConsentGranted | ConsentWithdrawn | MemberEnrolled
