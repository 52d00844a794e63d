"""One person on one page, opened from the log at the moment of asking and kept nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection

from chassis.decider import Decider
from chassis.privacy import KeyStore
from chassis.routes import Call
from chassis.storage import log_on
from identity import queries
from identity.account import ACCOUNT, Account
from identity.contact_events import ConsentGranted, ConsentWithdrawn, MemberEnrolled, PhoneClaimed
from identity.erasure_request import ERASURE, ErasureUnknown
from identity.events import (
    AccountLinked,
    BrandFollowed,
    EmailDeclared,
    Evidence,
    PersonRegistered,
    registry,
)
from identity.membership import MEMBERSHIP
from identity.person import PERSON, Person, PersonUnknown
from identity.phone import PHONE, Phone

PhoneLevel = Literal["claimed", "code", "real_name"]
LEVELS: tuple[PhoneLevel, ...] = ("claimed", "code", "real_name")


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowView:
    """A page that an account follows or followed, and what drew it there."""

    property_id: str
    topic: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class HandleView:
    """One handle of a person, with what speaks for the link."""

    account_id: UUID
    platform: str
    platform_user_id: str | None = field(repr=False)
    name: str | None = field(repr=False)
    evidence: Evidence
    rule: str
    follows: Sequence[FollowView]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneView:
    """One number of a person, and how sure it is."""

    phone_id: UUID
    e164: str | None = field(repr=False)
    region: str
    zone: str
    level: PhoneLevel
    valid_until: datetime | None
    contested: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EmailView:
    """One address that a person named."""

    email_id: UUID
    address: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberView:
    """A programme that a person joined."""

    member_id: UUID
    programme: str
    from_account: UUID | None
    campaign_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenConsent:
    """What a person last said about a purpose and a channel."""

    purpose: str
    channel: str
    granted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeLink:
    """A person who was merged into this one, and the link that a split would undo."""

    absorbed: UUID
    link_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Person360:
    """Everything that is known of one person; phones with the surest first.

    Args:
        deliver_by: How to reach them, the best way first: a verified phone, a messenger, and
            e-mail last.
    """

    person_id: UUID
    origin: str
    customer: str
    erasure: UUID | None
    handles: Sequence[HandleView]
    phones: Sequence[PhoneView]
    emails: Sequence[EmailView]
    memberships: Sequence[MemberView]
    consents: Sequence[GivenConsent]
    merges: Sequence[MergeLink]
    deliver_by: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Reads one tenant's streams, with the personal fields that can still be opened."""

    db: Connection
    keys: KeyStore
    tenant: str

    def events(self, decider: Decider[Any, Any, Any], entity_id: object) -> list[Any]:
        """Return an aggregate's events, oldest first."""
        history = log_on(self.db).stream(self.tenant, decider.stream(entity_id))
        return [registry.decode(stored, self.keys) for stored in history]


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureView:
    """How far a request to be forgotten is."""

    request_id: UUID
    person_id: UUID
    requested_at: datetime
    confirmed: Sequence[str]
    missing: Sequence[str]
    escalations: int
    done: bool


def reader(db: Connection, call: Call[None]) -> Reader:
    """Return the reader of what one call may see."""
    return Reader(db=db, keys=call.keys, tenant=call.tenant)


def erasure(reader: Reader, request_id: UUID) -> ErasureView:
    """Return how far a request to be forgotten is.

    Raises:
        ErasureUnknown: nobody asked for it.
    """
    found = queries.find_erasure(reader.db, reader.tenant, request_id)
    if found is None:
        raise ErasureUnknown(request_id)
    progress = ERASURE.fold(reader.events(ERASURE, request_id))
    person = PERSON.fold(reader.events(PERSON, found.person_id))
    return ErasureView(
        request_id=request_id,
        person_id=found.person_id,
        requested_at=found.requested_at,
        confirmed=progress.confirmed,
        missing=progress.missing,
        escalations=progress.escalations,
        done=person.erased,
    )


def person_360(reader: Reader, person_id: UUID) -> Person360:
    """Return one person, with everybody who was merged into them.

    Raises:
        PersonUnknown: there is nobody of this id.
    """
    today = queries.survivor_of(reader.db, reader.tenant, person_id)
    own = reader.events(PERSON, today)
    state: Person = PERSON.fold(own)
    if state.person_id is None:
        raise PersonUnknown(person_id)
    kin = queries.kin_of(reader.db, reader.tenant, today)
    events = [event for who in sorted(kin) for event in reader.events(PERSON, who)]
    said = [event for who in sorted(kin) for event in reader.events(MEMBERSHIP, who)]
    handles = _handles(reader, kin, events)
    phones = _phones(reader, kin)
    emails = _emails(events)
    links = queries.merges_of(reader.db, reader.tenant, kin)
    return Person360(
        person_id=today,
        origin=next(event.origin for event in own if isinstance(event, PersonRegistered)),
        customer=state.kind,
        erasure=state.erasure,
        handles=handles,
        phones=phones,
        emails=emails,
        memberships=_memberships(said),
        consents=_consents(said),
        merges=[MergeLink(absorbed=who, link_id=link) for who, link in sorted(links.items())],
        deliver_by=_deliver_by(phones, handles, emails),
    )


def _handles(reader: Reader, kin: frozenset[UUID], events: Sequence[Any]) -> list[HandleView]:
    mine = set(queries.accounts_of(reader.db, reader.tenant, kin))
    links = {
        event.account_id: event
        for event in events
        if isinstance(event, AccountLinked) and event.account_id in mine
    }
    return [_handle(reader, links[account_id]) for account_id in sorted(links)]


def _handle(reader: Reader, link: AccountLinked) -> HandleView:
    events = reader.events(ACCOUNT, link.account_id)
    account: Account = ACCOUNT.fold(events)
    seen = account.seen
    follows = [event for event in events if isinstance(event, BrandFollowed)]
    return HandleView(
        account_id=link.account_id,
        platform=seen.platform if seen else "",
        platform_user_id=seen.platform_user_id if seen else None,
        name=seen.name if seen else None,
        evidence=link.evidence,
        rule=link.rule,
        follows=[
            FollowView(property_id=event.property_id, topic=event.acquired_topic, at=event.at)
            for event in follows
        ],
    )


def _phones(reader: Reader, kin: frozenset[UUID]) -> list[PhoneView]:
    phones = [
        _phone(reader, kin, phone_id)
        for phone_id in queries.phones_of(reader.db, reader.tenant, kin)
    ]
    return sorted(phones, key=lambda phone: -LEVELS.index(phone.level))


def _phone(reader: Reader, kin: frozenset[UUID], phone_id: UUID) -> PhoneView:
    events = reader.events(PHONE, phone_id)
    phone: Phone = PHONE.fold(events)
    claims = [event for event in events if isinstance(event, PhoneClaimed)]
    # Who holds a number after a split may have received it in the other one's name.
    claim = next((event for event in reversed(claims) if event.person_id in kin), claims[-1])
    mine = phone.holder in kin
    return PhoneView(
        phone_id=phone_id,
        e164=claim.e164,
        region=claim.region,
        zone=claim.tz,
        level=phone.level if mine and phone.level else "claimed",
        valid_until=phone.valid_until if mine else None,
        contested=phone.challenger is not None,
    )


def _emails(events: Sequence[Any]) -> list[EmailView]:
    return [
        EmailView(email_id=event.email_id, address=event.address)
        for event in events
        if isinstance(event, EmailDeclared)
    ]


def _memberships(said: Sequence[Any]) -> list[MemberView]:
    return [
        MemberView(
            member_id=event.member_id,
            programme=event.programme,
            from_account=event.from_account,
            campaign_id=event.campaign_id,
        )
        for event in said
        if isinstance(event, MemberEnrolled)
    ]


def _consents(said: Sequence[Any]) -> list[GivenConsent]:
    last = {
        (event.purpose, event.channel): isinstance(event, ConsentGranted)
        for event in said
        if isinstance(event, ConsentGranted | ConsentWithdrawn)
    }
    return [
        GivenConsent(purpose=purpose, channel=channel, granted=granted)
        for (purpose, channel), granted in sorted(last.items())
    ]


def _deliver_by(
    phones: Sequence[PhoneView], handles: Sequence[HandleView], emails: Sequence[EmailView]
) -> list[str]:
    sure = [phone for phone in phones if phone.level != "claimed" and not phone.contested]
    return [
        *(f"phone:{phone.phone_id}" for phone in sure),
        *(f"account:{handle.account_id}" for handle in handles),
        *(f"email:{email.email_id}" for email in emails),
    ]
