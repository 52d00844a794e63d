"""How events become rows: a few that commands must check at once, the rest from behind."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from chassis.changes import Change, Changes, Row, delete, keep, key_of, put, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.errors import Conflict
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
    [
        tables.account_owners, tables.merged_persons, tables.phone_claims, tables.phone_holders,
        tables.email_owners, tables.erased_subjects,
    ],
)  # fmt: skip
funnel = Projection("funnel", [tables.fans, tables.people])
consents = Projection("consent_ledger", [tables.consent_ledger])
reviews = Projection("merge_reviews", [tables.merge_reviews])


@ties.fold(AccountLinked)
def own_account(event: AccountLinked, envelope: Envelope) -> Changes:
    """Give the account its one person; a second one at the same moment has to look again."""
    yield _claim(
        tables.account_owners,
        "the account was linked a moment ago",
        tenant=envelope.tenant,
        account_id=event.account_id,
        person_id=event.person_id,
    )


@ties.fold(AccountUnlinked)
def disown_account(event: AccountUnlinked, envelope: Envelope) -> Changes:
    """Set the account free again."""
    account = {"tenant": envelope.tenant, "account_id": event.account_id}
    yield delete(tables.account_owners, account)


@ties.fold(EmailDeclared)
def own_email(event: EmailDeclared, envelope: Envelope) -> Changes:
    """Let the address lead to the person, and to whoever else named it."""
    yield keep(
        tables.email_owners,
        tenant=envelope.tenant,
        email_id=event.email_id,
        person_id=event.person_id,
    )


@ties.fold(PersonsMerged)
def absorb(event: PersonsMerged, envelope: Envelope) -> Changes:
    """Let the absorbed person be found as the survivor; nobody is absorbed twice."""
    yield _claim(
        tables.merged_persons,
        "the person was merged a moment ago",
        tenant=envelope.tenant,
        absorbed=event.absorbed,
        survivor=event.survivor,
        link_id=event.link_id,
    )


@ties.fold(PersonSplit)
def set_apart(event: PersonSplit, envelope: Envelope) -> Changes:
    """Let the absorbed person be found as themselves again."""
    absorbed = {"tenant": envelope.tenant, "absorbed": event.to_person}
    yield delete(tables.merged_persons, absorbed)


@ties.fold(PhoneClaimed)
def claim(event: PhoneClaimed, envelope: Envelope) -> Changes:
    """Put one more number to the person's name."""
    yield keep(tables.phone_claims, **_phone(event, envelope), person_id=event.person_id)


@ties.fold(PhoneVerified)
def hold(event: PhoneVerified, envelope: Envelope) -> Changes:
    """Give the number its one verified owner."""
    phone = _phone(event, envelope)
    until = micros(event.valid_until)
    yield keep(tables.phone_claims, **phone, person_id=event.person_id)
    yield put(tables.phone_holders, **phone, person_id=event.person_id, valid_until=until)


@ties.fold(PhoneContested)
def contest(event: PhoneContested, envelope: Envelope) -> Changes:
    """Mark the number as held by two persons."""
    yield update(tables.phone_holders, _phone(event, envelope), challenger=event.challenger)


@ties.fold(PhoneReleased)
def let_go(event: PhoneReleased, envelope: Envelope) -> Changes:
    """Take the number from the person."""
    phone = _phone(event, envelope)
    yield delete(tables.phone_claims, {**phone, "person_id": event.person_id})

    def without(holder: Row | None) -> Row | None:
        if holder is None or holder["person_id"] == event.person_id:
            return None
        withdrawn = holder.get("challenger") == event.person_id
        return {**holder, "challenger": None} if withdrawn else holder

    yield Change(tables.phone_holders, phone, without)


@ties.fold(ErasureRequested)
def forget(event: ErasureRequested, envelope: Envelope) -> Changes:
    """Remember only that the subjects are gone: whoever comes back is somebody new."""
    for subject in event.subjects:
        yield keep(
            tables.erased_subjects,
            tenant=envelope.tenant,
            subject=subject,
            request_id=event.request_id,
            person_id=event.person_id,
            requested_at=micros(event.requested_at),
        )


@funnel.fold(BrandFollowed)
def gain_fan(event: BrandFollowed, envelope: Envelope) -> Changes:
    """Count one fan more; who comes back keeps the topic that first drew them."""
    fan = _fan(event, envelope)
    yield keep(
        tables.fans,
        **fan,
        platform=event.platform,
        topic=event.acquired_topic,
        followed_at=micros(event.at),
    )
    yield update(tables.fans, fan, unfollowed_at=None)


@funnel.fold(BrandUnfollowed)
def lose_fan(event: BrandUnfollowed, envelope: Envelope) -> Changes:
    """Count one fan less."""
    yield update(tables.fans, _fan(event, envelope), unfollowed_at=micros(event.at))


@funnel.fold(PersonRegistered)
def know(event: PersonRegistered, envelope: Envelope) -> Changes:
    """Count one known person more."""
    known = {"origin": event.origin, "registered_at": micros(envelope.occurred_at)}
    yield _amend(envelope, event.person_id, lambda person: {**person, **known})


@funnel.fold(PhoneVerified)
def reach_by_phone(event: PhoneVerified, envelope: Envelope) -> Changes:
    """Count that the person can be reached for sure."""
    yield _note(envelope, event.person_id, "verified_at", event.verified_at)


@funnel.fold(ConsentGranted)
def may_reach(event: ConsentGranted, envelope: Envelope) -> Changes:
    """Count that the person agreed to something."""
    yield _note(envelope, event.person_id, "consented_at", envelope.occurred_at)


@funnel.fold(MemberEnrolled)
def gain_member(event: MemberEnrolled, envelope: Envelope) -> Changes:
    """Count one member more."""
    yield _note(envelope, event.person_id, "enrolled_at", envelope.occurred_at)


@funnel.fold(PersonsMerged)
def count_once(event: PersonsMerged, envelope: Envelope) -> Changes:
    """Count two known persons as one."""
    yield _tell(envelope, event.absorbed, event.survivor)


@funnel.fold(PersonSplit)
def count_twice(event: PersonSplit, envelope: Envelope) -> Changes:
    """Count them as two again."""
    yield _tell(envelope, event.to_person, None)


@funnel.fold(PersonErased)
def count_erased(event: PersonErased, envelope: Envelope) -> Changes:
    """Count the person as known to nobody."""
    at = micros(envelope.occurred_at)
    yield update(tables.people, _person(envelope, event.person_id), erased_at=at)


@consents.fold(ConsentGranted)
def note_yes(event: ConsentGranted, envelope: Envelope) -> Changes:
    """Enter a yes, with the text that it was given to."""
    agreed = {"basis": event.basis, "text_version": event.text_version}
    yield _enter(envelope, event, said="granted", **agreed)


@consents.fold(ConsentWithdrawn)
def note_no(event: ConsentWithdrawn, envelope: Envelope) -> Changes:
    """Enter a no."""
    yield _enter(envelope, event, said="withdrawn")


@reviews.fold(MergeProposed)
def queue(event: MergeProposed, envelope: Envelope) -> Changes:
    """Queue a pair for a reviewer, again if it was there before."""
    proposal = {"tenant": envelope.tenant, "proposal_id": event.proposal_id}
    yield keep(
        tables.merge_reviews,
        **proposal,
        a=event.a,
        b=event.b,
        score=event.score,
        features=json.dumps(list(event.features)),
        proposed_at=micros(envelope.occurred_at),
    )
    yield update(tables.merge_reviews, proposal, decided_at=None)


@reviews.fold(PersonsMerged)
def drop_merged(event: PersonsMerged, envelope: Envelope) -> Changes:
    """Drop a pair that is one person now."""
    yield from _decide(envelope, event.survivor, event.absorbed)


@reviews.fold(PhoneReassigned)
def drop_distinct(event: PhoneReassigned, envelope: Envelope) -> Changes:
    """Drop a pair whose common number went to one of them."""
    yield from _decide(envelope, event.from_person, event.to_person)


def _phone(
    event: PhoneClaimed | PhoneVerified | PhoneContested | PhoneReleased, envelope: Envelope
) -> dict[str, Any]:
    return {"tenant": envelope.tenant, "phone_id": event.phone_id}


def _fan(event: BrandFollowed | BrandUnfollowed, envelope: Envelope) -> dict[str, Any]:
    return {
        "tenant": envelope.tenant,
        "account_id": event.account_id,
        "property_id": event.property_id,
    }


def _person(envelope: Envelope, person_id: UUID) -> dict[str, Any]:
    return {"tenant": envelope.tenant, "person_id": person_id}


def _claim(table: Table, taken: str, **row: Any) -> Change:
    """Add a row that nobody may have; whoever was second looks again and is told why not."""

    def fold(found: Row | None) -> Row:
        if found is not None:
            raise Conflict(taken)
        return row

    return Change(table, key_of(table, row), fold)


def _amend(envelope: Envelope, person_id: UUID, change: Callable[[Row], Row]) -> Change:
    """Change a person's row, and begin it with whatever comes first.

    Phones, memberships and who absorbs the person have streams of their own: they do not wait
    while the person is parked.
    """
    key = _person(envelope, person_id)
    return Change(tables.people, key, lambda person: change(person or key))


def _note(envelope: Envelope, person_id: UUID, name: str, at: datetime) -> Change:
    """Keep the first moment of its kind, whichever of two phones is read first."""

    def fold(person: Row) -> Row:
        found = person.get(name)
        return {**person, name: micros(at) if found is None else min(found, micros(at))}

    return _amend(envelope, person_id, fold)


def _tell(envelope: Envelope, person_id: UUID, survivor: UUID | None) -> Change:
    """Say as whom a person counts; of what two survivors' streams say the newest stands."""
    at = micros(envelope.recorded_at)

    def fold(person: Row) -> Row:
        if (person.get("merge_told_at") or 0) > at:
            return person
        return {**person, "merged_into": survivor, "merge_told_at": at}

    return _amend(envelope, person_id, fold)


def _enter(envelope: Envelope, event: ConsentGranted | ConsentWithdrawn, **said: str) -> Change:
    return keep(
        tables.consent_ledger,
        tenant=envelope.tenant,
        event_id=envelope.id,
        person_id=event.person_id,
        purpose=event.purpose,
        channel=event.channel,
        at=micros(envelope.occurred_at),
        **said,
    )


def _decide(envelope: Envelope, one: UUID, other: UUID) -> Changes:
    def decided(review: Row | None) -> Row | None:
        if review is None or review.get("decided_at") is not None:
            return review
        return {**review, "decided_at": micros(envelope.occurred_at)}

    for a, b in ((one, other), (other, one)):
        pair = {"tenant": envelope.tenant, "a": a, "b": b}
        yield Change(tables.merge_reviews, pair, decided)
