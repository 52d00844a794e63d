"""The phone: who claims a number, who proved to hold it, and what becomes of a second one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from identity.contact_events import (
    PhoneClaimed,
    PhoneContested,
    PhoneEvent,
    PhoneReassigned,
    PhoneReleased,
    PhoneVerified,
    VerificationFailed,
    VerificationStarted,
)
from identity.events import Level
from identity.person import CAPS
from identity.phone_commands import (
    AttestPhone,
    ClaimPhone,
    CodeExpired,
    ConfirmPhone,
    NoOpenVerification,
    NotContested,
    NotHolder,
    PhoneCap,
    PhoneCommand,
    PhoneFrozen,
    PhoneNotClaimed,
    ReassignPhone,
    ReleasePhone,
    SettleContest,
    StartVerification,
    TooManyCodes,
    TooManyTries,
)

TRIES = 5
CODE_LIFETIME = timedelta(minutes=5)
CODES = 3
CODES_WINDOW = timedelta(hours=1)
# An operator may re-issue a number 90 days after it was given back: until then, two people who
# both received a code on it are one.
VALIDITY = timedelta(days=90)


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """A code that was sent and not used yet."""

    challenge_id: UUID
    expires_at: datetime
    left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Phone:
    """What the rules need to know of a number."""

    claimants: tuple[UUID, ...] = ()
    challenges: Mapping[UUID, Challenge] = field(default_factory=dict)
    sent_at: tuple[datetime, ...] = ()
    holder: UUID | None = None
    level: Level | None = None
    valid_until: datetime | None = None
    challenger: UUID | None = None
    proven_at: datetime | None = None


def decide(phone: Phone, command: PhoneCommand) -> Sequence[PhoneEvent]:  # noqa: PLR0911  # one arm each
    """Turn a command into facts, or refuse it."""
    match command:
        case ClaimPhone():
            return _claim(phone, command)
        case StartVerification():
            return _start(phone, command)
        case ConfirmPhone():
            return _confirm(phone, command)
        case AttestPhone():
            return _attest(phone, command)
        case SettleContest():
            return _settle(phone, command)
        case ReassignPhone():
            return _reassign(phone, command)
        case ReleasePhone():
            return _release(phone, command)
        case _:
            assert_never(command)


def evolve(phone: Phone, event: PhoneEvent) -> Phone:  # noqa: PLR0911  # one arm each
    """Apply one fact."""
    match event:
        case PhoneClaimed():
            return replace(phone, claimants=(*phone.claimants, event.person_id))
        case VerificationStarted():
            return _sent(phone, event)
        case VerificationFailed():
            return _tried(phone, event)
        case PhoneVerified():
            return _held(phone, event)
        case PhoneContested():
            contested = replace(phone, challenger=event.challenger, proven_at=event.proven_at)
            return _used(contested, event.challenger)
        case PhoneReleased():
            return _given_up(phone, event.person_id)
        case PhoneReassigned():
            return phone
        case _:
            assert_never(event)


def _claim(phone: Phone, command: ClaimPhone) -> Sequence[PhoneEvent]:
    if not command.kin.isdisjoint(phone.claimants):
        return []
    if command.held >= CAPS.phones:
        raise PhoneCap
    return [
        PhoneClaimed(
            phone_id=command.phone_id,
            person_id=command.person_id,
            phone_token=command.phone_token,
            e164=command.e164,
            region=command.region,
            tz=command.tz,
            account_id=command.account_id,
            programme=command.programme,
            campaign_id=command.campaign_id,
        )
    ]


def _start(phone: Phone, command: StartVerification) -> Sequence[PhoneEvent]:
    if command.kin.isdisjoint(phone.claimants):
        raise PhoneNotClaimed
    if phone.challenger is not None:
        raise PhoneFrozen
    recent = [at for at in phone.sent_at if at > command.now - CODES_WINDOW]
    if len(recent) >= CODES:
        raise TooManyCodes(recent[-CODES] + CODES_WINDOW - command.now)
    return [
        VerificationStarted(
            phone_id=command.phone_id,
            person_id=command.person_id,
            challenge_id=command.challenge_id,
            channel=command.channel,
            expires_at=command.now + CODE_LIFETIME,
            attempts_left=TRIES,
        )
    ]


def _confirm(phone: Phone, command: ConfirmPhone) -> Sequence[PhoneEvent]:
    challenge = phone.challenges.get(command.person_id)
    if challenge is None or challenge.challenge_id != command.challenge_id:
        raise NoOpenVerification
    if challenge.left == 0:
        raise TooManyTries
    if command.now >= challenge.expires_at:
        raise CodeExpired
    if phone.challenger is not None:
        raise PhoneFrozen
    if not command.code_is_right:
        return [_failed(command, challenge)]
    return _proven(phone, command)


def _failed(command: ConfirmPhone, challenge: Challenge) -> VerificationFailed:
    return VerificationFailed(
        phone_id=command.phone_id,
        person_id=command.person_id,
        challenge_id=challenge.challenge_id,
        left=challenge.left - 1,
    )


def _proven(phone: Phone, command: ConfirmPhone) -> Sequence[PhoneEvent]:
    mine = phone.holder is None or phone.holder in command.kin
    level: Level = phone.level if mine and phone.level is not None else "code"
    verified = _verified(command.phone_id, command.person_id, level, command.now)
    if mine or phone.holder is None:
        return [verified]
    if phone.valid_until is not None and phone.valid_until > command.now:
        return [
            PhoneContested(
                phone_id=command.phone_id,
                holder=phone.holder,
                challenger=command.person_id,
                proven_at=command.now,
            )
        ]
    return [*_handed_over(command.phone_id, phone.holder, command.person_id), verified]


def _attest(phone: Phone, command: AttestPhone) -> Sequence[PhoneEvent]:
    if phone.holder is None or phone.holder not in command.kin or phone.valid_until is None:
        raise NotHolder
    if phone.challenger is not None:
        raise PhoneFrozen
    if phone.valid_until <= command.now:
        raise NotHolder
    if phone.level == "real_name":
        return []
    return [_verified(command.phone_id, phone.holder, "real_name", command.now)]


def _settle(phone: Phone, command: SettleContest) -> Sequence[PhoneEvent]:
    if phone.challenger is None or phone.proven_at is None or phone.level is None:
        return []
    return [_verified(command.phone_id, command.person_id, phone.level, phone.proven_at)]


def _reassign(phone: Phone, command: ReassignPhone) -> Sequence[PhoneEvent]:
    if phone.challenger is None or phone.holder is None or phone.proven_at is None:
        raise NotContested
    return [
        *_handed_over(command.phone_id, phone.holder, phone.challenger),
        _verified(command.phone_id, phone.challenger, "code", phone.proven_at),
    ]


def _release(phone: Phone, command: ReleasePhone) -> Sequence[PhoneEvent]:
    if command.person_id not in phone.claimants:
        return []
    return [
        PhoneReleased(phone_id=command.phone_id, person_id=command.person_id, reason=command.reason)
    ]


def _verified(phone_id: UUID, person_id: UUID, level: Level, at: datetime) -> PhoneVerified:
    return PhoneVerified(
        phone_id=phone_id,
        person_id=person_id,
        level=level,
        verified_at=at,
        valid_until=at + VALIDITY,
    )


def _handed_over(phone_id: UUID, old: UUID, new: UUID) -> Sequence[PhoneEvent]:
    return [
        PhoneReleased(phone_id=phone_id, person_id=old, reason="recycled"),
        PhoneReassigned(phone_id=phone_id, from_person=old, to_person=new, evidence="otp"),
    ]


def _sent(phone: Phone, event: VerificationStarted) -> Phone:
    challenge = Challenge(
        challenge_id=event.challenge_id, expires_at=event.expires_at, left=event.attempts_left
    )
    return replace(
        phone,
        challenges={**_used(phone, event.person_id).challenges, event.person_id: challenge},
        sent_at=(*phone.sent_at, event.expires_at - CODE_LIFETIME)[-CODES:],
    )


def _tried(phone: Phone, event: VerificationFailed) -> Phone:
    challenge = phone.challenges.get(event.person_id)
    if challenge is None:
        return phone
    tried = replace(challenge, left=event.left)
    return replace(phone, challenges={**phone.challenges, event.person_id: tried})


def _held(phone: Phone, event: PhoneVerified) -> Phone:
    held = replace(
        phone,
        claimants=tuple(dict.fromkeys((*phone.claimants, event.person_id))),
        holder=event.person_id,
        level=event.level,
        valid_until=event.valid_until,
        challenger=None,
        proven_at=None,
    )
    return _used(held, event.person_id)


def _used(phone: Phone, person_id: UUID) -> Phone:
    left = {who: challenge for who, challenge in phone.challenges.items() if who != person_id}
    return replace(phone, challenges=left)


def _given_up(phone: Phone, person_id: UUID) -> Phone:
    others = tuple(who for who in phone.claimants if who != person_id)
    released = _used(replace(phone, claimants=others), person_id)
    if phone.challenger == person_id:
        return replace(released, challenger=None, proven_at=None)
    if phone.holder != person_id:
        return released
    return replace(
        released, holder=None, level=None, valid_until=None, challenger=None, proven_at=None
    )


PHONE = Decider(category="phone", initial=Phone(), decide=decide, evolve=evolve)
