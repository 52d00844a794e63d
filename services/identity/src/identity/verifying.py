"""Use cases around phones: claimed, verified by a one-time code, given up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis import lookups
from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from identity import codes, linking, numbers, queries, tables
from identity.contact_events import PhoneContested, VerificationFailed
from identity.phone import PHONE, Challenge, Phone
from identity.phone_commands import (
    AttestPhone,
    ClaimPhone,
    ConfirmPhone,
    NoOpenVerification,
    NotHolder,
    PhoneNotClaimed,
    ReassignPhone,
    ReleasePhone,
    StartVerification,
)
from identity.tenant import TENANT

Outcome = Literal["verified", "wrong_code", "contested"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A number as somebody entered it in a form, and what the form was for."""

    written: str
    region: str | None = None
    account_id: UUID | None = None
    programme: str | None = None
    campaign_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """Which number it is, and whether the claim was new."""

    phone_id: UUID
    person_id: UUID
    region: str
    zone: str
    new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """How a number is known, and whose it is verified as; None for what nobody knows."""

    phone_id: UUID | None
    person_id: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What an entered code led to."""

    outcome: Outcome
    person_id: UUID
    left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Who somebody is, and by what they were recognised."""

    person_id: UUID | None
    by: Literal["phone", "email"] | None


def claim_phone(work: UnitOfWork, *, person_id: UUID, claim: Claim, pending: int = 0) -> Claimed:
    """Note that a number is said to be a person's.

    Args:
        work: The unit of work.
        person_id: Whose it is said to be.
        claim: What was entered.
        pending: How many other claims of the person this unit of work holds already.

    Raises:
        NumberInvalid: no operator has such numbers.
        PhoneCap: the person claims too many already.
    """
    person_id = linking.living(work, person_id)
    number, home = _number(work, claim)
    token = lookups.token(work.secret, work.tenant, "phone", number.e164)
    phone_id = _phone_id(
        work, token, derived_id(work.context.command_id, "phone", person_id, pending)
    )
    kin = queries.kin_of(work.db, work.tenant, person_id)
    command = ClaimPhone(
        phone_id=phone_id,
        person_id=person_id,
        kin=kin,
        phone_token=token,
        e164=number.e164,
        region=number.region,
        tz=number.zone or home,
        account_id=claim.account_id,
        programme=claim.programme,
        campaign_id=claim.campaign_id,
        held=len(queries.phones_of(work.db, work.tenant, kin)) + pending,
    )
    return Claimed(
        phone_id=phone_id,
        person_id=person_id,
        region=command.region,
        zone=command.tz,
        new=bool(work.execute(PHONE, phone_id, command).events),
    )


def start_verification(
    work: UnitOfWork, *, phone_id: UUID, person_id: UUID | None, channel: str
) -> Challenge:
    """Have a one-time code sent to a claimed number.

    Raises:
        PhoneNotClaimed: nobody, or not this person, claimed it.
        PhoneFrozen: two persons hold it.
        TooManyCodes: enough were sent for now.
    """
    who = linking.living(work, _claimant(work.load(PHONE, phone_id).state, person_id))
    command = StartVerification(
        phone_id=phone_id,
        person_id=who,
        kin=queries.kin_of(work.db, work.tenant, who),
        challenge_id=derived_id(work.context.command_id, "challenge"),
        channel=channel,
        now=work.now,
    )
    return work.execute(PHONE, phone_id, command).state.challenges[who]


def confirm_phone(work: UnitOfWork, *, phone_id: UUID, person_id: UUID | None, code: str) -> Tried:
    """Try a code; a wrong one is noted and counted.

    Raises:
        NoOpenVerification: no code is waiting, or it was used.
        TooManyTries: it was guessed at too often.
        CodeExpired: it came too late.
        PhoneFrozen: two persons hold the number.
    """
    phone = work.load(PHONE, phone_id).state
    who = _challenged(work, phone, person_id)
    challenge_id = phone.challenges[who].challenge_id
    command = ConfirmPhone(
        phone_id=phone_id,
        person_id=who,
        challenge_id=challenge_id,
        code_is_right=codes.is_right(work.secret, work.tenant, challenge_id, code),
        kin=queries.kin_of(work.db, work.tenant, linking.living(work, who)),
        now=work.now,
    )
    events = work.execute(PHONE, phone_id, command).events
    last = events[-1] if events else None
    if isinstance(last, VerificationFailed):
        return Tried(outcome="wrong_code", person_id=who, left=last.left)
    outcome: Outcome = "contested" if isinstance(last, PhoneContested) else "verified"
    return Tried(outcome=outcome, person_id=who, left=0)


def attest_phone(work: UnitOfWork, *, phone_id: UUID) -> None:
    """Note that the operator's contract for a verified number names its holder.

    Raises:
        NotHolder: nobody has verified the number.
    """
    holder = queries.holder_of(work.db, work.tenant, phone_id)
    if holder is None:
        raise NotHolder
    kin = queries.kin_of(work.db, work.tenant, linking.living(work, holder))
    work.execute(PHONE, phone_id, AttestPhone(phone_id=phone_id, kin=kin, now=work.now))


def reassign_phone(work: UnitOfWork, *, phone_id: UUID) -> None:
    """Give a contested number to the person who proved to hold it last; raises NotContested."""
    work.execute(PHONE, phone_id, ReassignPhone(phone_id=phone_id))


def release_phone(work: UnitOfWork, *, phone_id: UUID, person_id: UUID) -> None:
    """Take a number from a person, at their own wish."""
    person_id = linking.living(work, person_id)
    for who in sorted(queries.kin_of(work.db, work.tenant, person_id)):
        command = ReleasePhone(phone_id=phone_id, person_id=who, reason="user")
        work.execute(PHONE, phone_id, command)


def match(work: UnitOfWork, *, number: str | None, region: str | None, email: str | None) -> Match:
    """Find a person by phone, and only where that leads to nobody by e-mail.

    Raises:
        NumberInvalid: no operator has such numbers.
    """
    holder = look_up(work, number=number, region=region).person_id if number else None
    if holder is not None:
        return Match(person_id=holder, by="phone")
    named = _only_by_email(work, email) if email else None
    return Match(person_id=named, by="email" if named else None)


def look_up(work: UnitOfWork, *, number: str, region: str | None) -> Found:
    """Find how a number is known, without taking note of it.

    Raises:
        NumberInvalid: no operator has such numbers.
    """
    written, _ = _number(work, Claim(written=number, region=region))
    phone_id = queries.find(work.db, work.secret, work.tenant, "phone", written.e164)
    holder = queries.holder_of(work.db, work.tenant, phone_id) if phone_id else None
    person_id = queries.survivor_of(work.db, work.tenant, holder) if holder else None
    return Found(phone_id=phone_id, person_id=person_id)


def has_verified_phone(work: UnitOfWork, kin: frozenset[UUID], at: datetime) -> bool:
    """Say whether a person can be reached for sure."""
    return bool(queries.verified_phones_of(work.db, work.tenant, kin, at))


def _only_by_email(work: UnitOfWork, address: str) -> UUID | None:
    email_id = queries.find(work.db, work.secret, work.tenant, "email", address.casefold())
    claimants = queries.email_claimants(work.db, work.tenant, email_id) if email_id else []
    named = {queries.survivor_of(work.db, work.tenant, who) for who in claimants}
    return named.pop() if len(named) == 1 else None


def _number(work: UnitOfWork, claim: Claim) -> tuple[numbers.Number, str]:
    """Return the number, and the zone to fall back on."""
    terms = work.load(TENANT, work.tenant).state.terms
    number = numbers.parse(claim.written, claim.region or (terms.country if terms else None))
    return number, terms.zone if terms else "UTC"


def _phone_id(work: UnitOfWork, token: str, fresh: UUID) -> UUID:
    # Not derived from the number: after an erasure nothing must lead from the number to the past.
    known = lookups.remember(
        work.db, tables.lookup, tenant=work.tenant, kind="phone", token=token, subject=str(fresh)
    )
    return UUID(known)


def _claimant(phone: Phone, person_id: UUID | None) -> UUID:
    if person_id is not None:
        return person_id
    if not phone.claimants:
        raise PhoneNotClaimed
    return phone.claimants[-1]


def _challenged(work: UnitOfWork, phone: Phone, person_id: UUID | None) -> UUID:
    waiting = list(phone.challenges)
    if person_id is not None:
        today = queries.survivor_of(work.db, work.tenant, person_id)
        kin = queries.kin_of(work.db, work.tenant, today)
        waiting = [who for who in waiting if who in kin]
    if not waiting:
        raise NoOpenVerification
    return waiting[-1]
