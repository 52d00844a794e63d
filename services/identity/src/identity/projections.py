"""How events become rows: a few that commands must check at once, the rest from behind."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, delete, update

from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.errors import Conflict
from chassis.insertion import insert_once
from chassis.projections import Projection
from identity import tables
from identity.contact_events import (
    ConsentGranted,
    ConsentWithdrawn,
    MemberEnrolled,
    PhoneClaimed,
    PhoneContested,
    PhoneReassigned,
    PhoneReleased,
    PhoneVerified,
)
from identity.events import (
    AccountLinked,
    AccountUnlinked,
    BrandFollowed,
    BrandUnfollowed,
    EmailDeclared,
    ErasureRequested,
    MergeProposed,
    PersonErased,
    PersonRegistered,
    PersonsMerged,
    PersonSplit,
)

ties = Projection(
    "ties",
    tables=(
        "account_owners", "merged_persons", "phone_claims", "phone_holders", "email_owners",
        "erased_subjects",
    ),
)  # fmt: skip
funnel = Projection("funnel", tables=("fans", "people"))
consents = Projection("consent_ledger", tables=("consent_ledger",))
reviews = Projection("merge_reviews", tables=("merge_reviews",))


@ties.on(AccountLinked)
def own_account(event: AccountLinked, envelope: Envelope, db: Connection) -> None:
    """Give the account its one person; a second one at the same moment has to look again."""
    row = {"tenant": envelope.tenant, "account_id": event.account_id, "person_id": event.person_id}
    if not insert_once(db, tables.account_owners, row):
        raise Conflict("the account was linked a moment ago")


@ties.on(AccountUnlinked)
def disown_account(event: AccountUnlinked, envelope: Envelope, db: Connection) -> None:
    """Set the account free again."""
    _remove(db, tables.account_owners, tenant=envelope.tenant, account_id=event.account_id)


@ties.on(EmailDeclared)
def own_email(event: EmailDeclared, envelope: Envelope, db: Connection) -> None:
    """Let the address lead to the person, and to whoever else named it."""
    row = {"tenant": envelope.tenant, "email_id": event.email_id, "person_id": event.person_id}
    insert_once(db, tables.email_owners, row)


@ties.on(PersonsMerged)
def absorb(event: PersonsMerged, envelope: Envelope, db: Connection) -> None:
    """Let the absorbed person be found as the survivor; nobody is absorbed twice."""
    row = {
        "tenant": envelope.tenant,
        "absorbed": event.absorbed,
        "survivor": event.survivor,
        "link_id": event.link_id,
    }
    if not insert_once(db, tables.merged_persons, row):
        raise Conflict("the person was merged a moment ago")


@ties.on(PersonSplit)
def set_apart(event: PersonSplit, envelope: Envelope, db: Connection) -> None:
    """Let the absorbed person be found as themselves again."""
    _remove(db, tables.merged_persons, tenant=envelope.tenant, absorbed=event.to_person)


@ties.on(PhoneClaimed)
def claim(event: PhoneClaimed, envelope: Envelope, db: Connection) -> None:
    """Put one more number to the person's name."""
    row = {"tenant": envelope.tenant, "phone_id": event.phone_id, "person_id": event.person_id}
    insert_once(db, tables.phone_claims, row)


@ties.on(PhoneVerified)
def hold(event: PhoneVerified, envelope: Envelope, db: Connection) -> None:
    """Give the number its one verified owner."""
    claimed = {"tenant": envelope.tenant, "phone_id": event.phone_id}
    insert_once(db, tables.phone_claims, {**claimed, "person_id": event.person_id})
    _remove(db, tables.phone_holders, **claimed)
    held = {"person_id": event.person_id, "valid_until": micros(event.valid_until)}
    insert_once(db, tables.phone_holders, {**claimed, **held})


@ties.on(PhoneContested)
def contest(event: PhoneContested, envelope: Envelope, db: Connection) -> None:
    """Mark the number as held by two persons."""
    holders = tables.phone_holders
    db.execute(
        update(holders)
        .where(_is(holders, tenant=envelope.tenant, phone_id=event.phone_id))
        .values(challenger=event.challenger)
    )


@ties.on(PhoneReleased)
def let_go(event: PhoneReleased, envelope: Envelope, db: Connection) -> None:
    """Take the number from the person."""
    phone = {"tenant": envelope.tenant, "phone_id": event.phone_id}
    _remove(db, tables.phone_claims, **phone, person_id=event.person_id)
    _remove(db, tables.phone_holders, **phone, person_id=event.person_id)
    holders = tables.phone_holders
    withdrawn = _is(holders, **phone, challenger=event.person_id)
    db.execute(update(holders).where(withdrawn).values(challenger=None))


@ties.on(ErasureRequested)
def forget(event: ErasureRequested, envelope: Envelope, db: Connection) -> None:
    """Remember only that the subjects are gone: whoever comes back is somebody new."""
    for subject in event.subjects:
        row = {
            "tenant": envelope.tenant,
            "subject": subject,
            "request_id": event.request_id,
            "person_id": event.person_id,
            "requested_at": micros(event.requested_at),
        }
        insert_once(db, tables.erased_subjects, row)


@funnel.on(BrandFollowed)
def gain_fan(event: BrandFollowed, envelope: Envelope, db: Connection) -> None:
    """Count one fan more; who comes back keeps the topic that first drew them."""
    key = {
        "tenant": envelope.tenant,
        "account_id": event.account_id,
        "property_id": event.property_id,
    }
    row = {
        "platform": event.platform,
        "topic": event.acquired_topic,
        "followed_at": micros(event.at),
    }
    if not insert_once(db, tables.fans, {**key, **row}):
        db.execute(update(tables.fans).where(_is(tables.fans, **key)).values(unfollowed_at=None))


@funnel.on(BrandUnfollowed)
def lose_fan(event: BrandUnfollowed, envelope: Envelope, db: Connection) -> None:
    """Count one fan less."""
    left = _is(
        tables.fans,
        tenant=envelope.tenant,
        account_id=event.account_id,
        property_id=event.property_id,
    )
    db.execute(update(tables.fans).where(left).values(unfollowed_at=micros(event.at)))


@funnel.on(PersonRegistered)
def know(event: PersonRegistered, envelope: Envelope, db: Connection) -> None:
    """Count one known person more."""
    row = {
        "tenant": envelope.tenant,
        "person_id": event.person_id,
        "origin": event.origin,
        "registered_at": micros(envelope.occurred_at),
    }
    insert_once(db, tables.people, row)


@funnel.on(PhoneVerified)
def reach_by_phone(event: PhoneVerified, envelope: Envelope, db: Connection) -> None:
    """Count that the person can be reached for sure."""
    _note(db, envelope, event.person_id, verified_at=event.verified_at)


@funnel.on(ConsentGranted)
def may_reach(event: ConsentGranted, envelope: Envelope, db: Connection) -> None:
    """Count that the person agreed to something."""
    _note(db, envelope, event.person_id, consented_at=envelope.occurred_at)


@funnel.on(MemberEnrolled)
def gain_member(event: MemberEnrolled, envelope: Envelope, db: Connection) -> None:
    """Count one member more."""
    _note(db, envelope, event.person_id, enrolled_at=envelope.occurred_at)


@funnel.on(PersonsMerged)
def count_once(event: PersonsMerged, envelope: Envelope, db: Connection) -> None:
    """Count two known persons as one."""
    _set(db, envelope, event.absorbed, merged_into=event.survivor)


@funnel.on(PersonSplit)
def count_twice(event: PersonSplit, envelope: Envelope, db: Connection) -> None:
    """Count them as two again."""
    _set(db, envelope, event.to_person, merged_into=None)


@funnel.on(PersonErased)
def count_erased(event: PersonErased, envelope: Envelope, db: Connection) -> None:
    """Count the person as known to nobody."""
    _set(db, envelope, event.person_id, erased_at=micros(envelope.occurred_at))


@consents.on(ConsentGranted)
def note_yes(event: ConsentGranted, envelope: Envelope, db: Connection) -> None:
    """Enter a yes, with the text that it was given to."""
    agreed = {"basis": event.basis, "text_version": event.text_version}
    _enter(db, envelope, event, said="granted", **agreed)


@consents.on(ConsentWithdrawn)
def note_no(event: ConsentWithdrawn, envelope: Envelope, db: Connection) -> None:
    """Enter a no."""
    _enter(db, envelope, event, said="withdrawn")


@reviews.on(MergeProposed)
def queue(event: MergeProposed, envelope: Envelope, db: Connection) -> None:
    """Queue a pair for a reviewer."""
    row = {
        "tenant": envelope.tenant,
        "proposal_id": event.proposal_id,
        "a": event.a,
        "b": event.b,
        "score": event.score,
        "features": json.dumps(list(event.features)),
        "proposed_at": micros(envelope.occurred_at),
    }
    if not insert_once(db, tables.merge_reviews, row):
        again = _is(tables.merge_reviews, tenant=envelope.tenant, proposal_id=event.proposal_id)
        db.execute(update(tables.merge_reviews).where(again).values(decided_at=None))


@reviews.on(PersonsMerged)
def drop_merged(event: PersonsMerged, envelope: Envelope, db: Connection) -> None:
    """Drop a pair that is one person now."""
    _decide(db, envelope, event.survivor, event.absorbed)


@reviews.on(PhoneReassigned)
def drop_distinct(event: PhoneReassigned, envelope: Envelope, db: Connection) -> None:
    """Drop a pair whose common number went to one of them."""
    _decide(db, envelope, event.from_person, event.to_person)


def _is(table: Table, **values: Any) -> Any:
    return and_(*(table.c[name] == value for name, value in values.items()))


def _remove(db: Connection, table: Table, **values: Any) -> None:
    db.execute(delete(table).where(_is(table, **values)))


def _set(db: Connection, envelope: Envelope, person_id: UUID, **values: Any) -> None:
    person = _is(tables.people, tenant=envelope.tenant, person_id=person_id)
    db.execute(update(tables.people).where(person).values(values))


def _note(db: Connection, envelope: Envelope, person_id: UUID, **moments: datetime) -> None:
    """Keep the first moment of each kind."""
    for name, at in moments.items():
        person = _is(tables.people, tenant=envelope.tenant, person_id=person_id)
        first = and_(person, tables.people.c[name].is_(None))
        db.execute(update(tables.people).where(first).values({name: micros(at)}))


def _enter(
    db: Connection,
    envelope: Envelope,
    event: ConsentGranted | ConsentWithdrawn,
    **said: str,
) -> None:
    row = {
        "tenant": envelope.tenant,
        "event_id": envelope.id,
        "person_id": event.person_id,
        "purpose": event.purpose,
        "channel": event.channel,
        "at": micros(envelope.occurred_at),
    }
    insert_once(db, tables.consent_ledger, {**row, **said})


def _decide(db: Connection, envelope: Envelope, one: UUID, other: UUID) -> None:
    columns = tables.merge_reviews.c
    pair = and_(columns.a.in_((one, other)), columns.b.in_((one, other)))
    waiting = and_(columns.tenant == envelope.tenant, columns.decided_at.is_(None), pair)
    decided = update(tables.merge_reviews).where(waiting)
    db.execute(decided.values(decided_at=micros(envelope.occurred_at)))
