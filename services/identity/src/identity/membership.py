"""The membership: what a person agreed to, and the programmes they joined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import Rejected
from identity.contact_events import (
    ConsentGranted,
    ConsentWithdrawn,
    MemberEnrolled,
    MembershipEvent,
)

ENROLLING = frozenset({"marketing", "service"})
Scope = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantConsent:
    """Agree to be reached for a purpose over a channel."""

    person_id: UUID
    purpose: str
    channel: str
    basis: str
    text_version: str
    proof: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawConsent:
    """Refuse, or no longer agree, to be reached for a purpose over a channel."""

    person_id: UUID
    purpose: str
    channel: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EnrolMember:
    """Join a programme.

    Args:
        phone_verified: Whether the person holds a verified number now.
        inherited: What those who were merged into the person agreed to or refused.
    """

    member_id: UUID
    person_id: UUID
    programme: str
    from_account: UUID | None
    campaign_id: str | None
    phone_verified: bool
    inherited: Mapping[Scope, bool] = field(default_factory=dict)


MembershipCommand = GrantConsent | WithdrawConsent | EnrolMember


class PhoneNotVerified(Rejected):
    """A member has a verified phone."""

    code = "phone_not_verified"
    requirement = "C1"


class ConsentMissing(Rejected):
    """A member agreed to be reached for marketing or for service."""

    code = "consent_missing"
    requirement = "C1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """What was last said about each purpose and channel, and the programmes joined."""

    consents: Mapping[Scope, bool] = field(default_factory=dict)
    grants: Mapping[Scope, ConsentGranted] = field(default_factory=dict)
    programmes: frozenset[str] = frozenset()


def decide(membership: Membership, command: MembershipCommand) -> Sequence[MembershipEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case GrantConsent():
            return _grant(membership, command)
        case WithdrawConsent():
            return _withdraw(membership, command)
        case EnrolMember():
            return _enrol(membership, command)
        case _:
            assert_never(command)


def evolve(membership: Membership, event: MembershipEvent) -> Membership:
    """Apply one fact."""
    match event:
        case ConsentGranted():
            scope = (event.purpose, event.channel)
            return replace(
                membership,
                consents={**membership.consents, scope: True},
                grants={**membership.grants, scope: event},
            )
        case ConsentWithdrawn():
            scope = (event.purpose, event.channel)
            return replace(membership, consents={**membership.consents, scope: False})
        case MemberEnrolled():
            return replace(membership, programmes=membership.programmes | {event.programme})
        case _:
            assert_never(event)


def _grant(membership: Membership, command: GrantConsent) -> Sequence[MembershipEvent]:
    scope = (command.purpose, command.channel)
    before = membership.grants.get(scope)
    agreed = (command.basis, command.text_version)
    if membership.consents.get(scope) and before and (before.basis, before.text_version) == agreed:
        return []
    return [
        ConsentGranted(
            person_id=command.person_id,
            purpose=command.purpose,
            channel=command.channel,
            basis=command.basis,
            text_version=command.text_version,
            proof=command.proof,
        )
    ]


def _withdraw(membership: Membership, command: WithdrawConsent) -> Sequence[MembershipEvent]:
    # A first "no" is worth keeping too: it is why the person stays a fan.
    if membership.consents.get((command.purpose, command.channel)) is False:
        return []
    return [
        ConsentWithdrawn(
            person_id=command.person_id, purpose=command.purpose, channel=command.channel
        )
    ]


def _enrol(membership: Membership, command: EnrolMember) -> Sequence[MembershipEvent]:
    if command.programme in membership.programmes:
        return []
    if not command.phone_verified:
        raise PhoneNotVerified
    agreed = {**command.inherited, **membership.consents}
    if not any(given and purpose in ENROLLING for (purpose, _), given in agreed.items()):
        raise ConsentMissing
    return [
        MemberEnrolled(
            member_id=command.member_id,
            person_id=command.person_id,
            programme=command.programme,
            from_account=command.from_account,
            campaign_id=command.campaign_id,
        )
    ]


MEMBERSHIP = Decider(category="membership", initial=Membership(), decide=decide, evolve=evolve)
