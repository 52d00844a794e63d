"""What commands and pages look up: who is who, whose is what, who waits for a decision."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, func, select

from chassis import lookups
from chassis.clock import micros, moment
from identity import tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """One person's request to be forgotten."""

    request_id: UUID
    person_id: UUID
    requested_at: datetime


def survivor_of(db: Connection, tenant: str, person_id: UUID) -> UUID:
    """Return who a person is today: themselves, or whom they were merged into."""
    merged = tables.merged_persons.c
    while True:
        row = and_(merged.tenant == tenant, merged.absorbed == person_id)
        into: UUID | None = db.execute(select(merged.survivor).where(row)).scalar()
        if into is None:
            return person_id
        person_id = into


def kin_of(db: Connection, tenant: str, person_id: UUID) -> frozenset[UUID]:
    """Return the person and everybody who was merged into them."""
    merged = tables.merged_persons.c
    kin, newest = {person_id}, {person_id}
    while newest:
        into_them = and_(merged.tenant == tenant, merged.survivor.in_(newest))
        newest = set(db.execute(select(merged.absorbed).where(into_them)).scalars()) - kin
        kin |= newest
    return frozenset(kin)


def merges_of(db: Connection, tenant: str, kin: frozenset[UUID]) -> dict[UUID, UUID]:
    """Return the link by which each of the absorbed was merged."""
    merged = tables.merged_persons.c
    rows = select(merged.absorbed, merged.link_id).where(
        and_(merged.tenant == tenant, merged.survivor.in_(kin))
    )
    return {row.absorbed: row.link_id for row in db.execute(rows)}


def owner_of(db: Connection, tenant: str, account_id: UUID) -> UUID | None:
    """Return the person whom an account was linked to, if any."""
    owners = tables.account_owners.c
    row = and_(owners.tenant == tenant, owners.account_id == account_id)
    owner: UUID | None = db.execute(select(owners.person_id).where(row)).scalar()
    return owner


def accounts_of(db: Connection, tenant: str, kin: frozenset[UUID]) -> list[UUID]:
    """Return the accounts that are linked to a person."""
    return _ids(db, tables.account_owners, "account_id", tenant, kin)


def emails_of(db: Connection, tenant: str, kin: frozenset[UUID]) -> list[UUID]:
    """Return the e-mail addresses that a person named."""
    return _ids(db, tables.email_owners, "email_id", tenant, kin)


def email_claimants(db: Connection, tenant: str, email_id: UUID) -> list[UUID]:
    """Return everybody who named an e-mail address."""
    owners = tables.email_owners.c
    row = and_(owners.tenant == tenant, owners.email_id == email_id)
    return sorted(db.execute(select(owners.person_id).where(row)).scalars())


def phones_of(db: Connection, tenant: str, kin: frozenset[UUID]) -> list[UUID]:
    """Return the numbers that a person claims or holds."""
    return _ids(db, tables.phone_claims, "phone_id", tenant, kin)


def verified_phones_of(
    db: Connection, tenant: str, kin: frozenset[UUID], at: datetime | None = None
) -> list[UUID]:
    """Return the numbers that are verified as a person's, still valid at a moment if one is given.

    A contested number counts as its holder's only where no moment is given.
    """
    holders = tables.phone_holders.c
    mine = and_(holders.tenant == tenant, holders.person_id.in_(kin))
    if at is not None:
        mine = and_(mine, holders.valid_until > micros(at), holders.challenger.is_(None))
    return sorted(db.execute(select(holders.phone_id).where(mine)).scalars())


def holder_of(db: Connection, tenant: str, phone_id: UUID) -> UUID | None:
    """Return whose a number is verified as, if anybody's."""
    holders = tables.phone_holders.c
    row = and_(holders.tenant == tenant, holders.phone_id == phone_id)
    holder: UUID | None = db.execute(select(holders.person_id).where(row)).scalar()
    return holder


def claimants_of(db: Connection, tenant: str, phone_id: UUID) -> frozenset[UUID]:
    """Return everybody who claims a number."""
    claims = tables.phone_claims.c
    row = and_(claims.tenant == tenant, claims.phone_id == phone_id)
    return frozenset(db.execute(select(claims.person_id).where(row)).scalars())


def contested_within(db: Connection, tenant: str, kin: frozenset[UUID]) -> list[UUID]:
    """Return the numbers that two persons hold who are known to be one."""
    holders = tables.phone_holders.c
    both = and_(holders.tenant == tenant, holders.person_id.in_(kin), holders.challenger.in_(kin))
    return sorted(db.execute(select(holders.phone_id).where(both)).scalars())


def is_erased(db: Connection, tenant: str, subject: object) -> bool:
    """Say whether a subject asked to be forgotten."""
    erased = tables.erased_subjects.c
    row = and_(erased.tenant == tenant, erased.subject == str(subject))
    return db.execute(select(erased.subject).where(row)).scalar() is not None


def find_erasure(db: Connection, tenant: str, request_id: UUID) -> Erasure | None:
    """Return a request to be forgotten, if there is one."""
    erased = tables.erased_subjects.c
    row = and_(erased.tenant == tenant, erased.request_id == request_id)
    found = db.execute(select(erased.person_id, erased.requested_at).where(row).limit(1)).first()
    if found is None:
        return None
    return Erasure(
        request_id=request_id, person_id=found.person_id, requested_at=moment(found.requested_at)
    )


def find(db: Connection, secret: bytes, tenant: str, kind: str, value: str) -> UUID | None:
    """Return the subject that is known under a personal value, if any."""
    token = lookups.token(secret, tenant, kind, value)
    found = lookups.find(db, tables.lookup, tenant=tenant, kind=kind, token=token)
    return UUID(found) if found else None


def count_funnel(db: Connection, tenant: str) -> dict[str, int]:
    """Return how many came how far, from fan to member."""
    people = tables.people.c
    here = (
        people.tenant == tenant,
        people.registered_at.is_not(None),  # else the row was begun by what overtook it
        people.merged_into.is_(None),
        people.erased_at.is_(None),
    )
    stages = {
        "known": select(func.count()).where(*here),
        "verified": select(func.count()).where(*here, people.verified_at.is_not(None)),
        "consented": select(func.count()).where(*here, people.consented_at.is_not(None)),
        "members": select(func.count()).where(*here, people.enrolled_at.is_not(None)),
    }
    return {
        "fans": _count_fans(db, tenant),
        **{name: db.execute(count).scalar_one() for name, count in stages.items()},
    }


def list_reviews(db: Connection, tenant: str) -> Sequence[dict[str, Any]]:
    """Return the pairs of persons that wait for a reviewer, the likeliest first."""
    reviews = tables.merge_reviews
    waiting = and_(reviews.c.tenant == tenant, reviews.c.decided_at.is_(None))
    found = db.execute(
        select(reviews).where(waiting).order_by(reviews.c.score.desc(), reviews.c.proposed_at)
    )
    return [{**row, "features": json.loads(row["features"])} for row in found.mappings()]


def list_consents(db: Connection, tenant: str, kin: frozenset[UUID]) -> Sequence[dict[str, Any]]:
    """Return everything a person said about being reached, oldest first."""
    ledger = tables.consent_ledger
    theirs = and_(ledger.c.tenant == tenant, ledger.c.person_id.in_(kin))
    found = db.execute(select(ledger).where(theirs).order_by(ledger.c.at, ledger.c.event_id))
    return [dict(row) for row in found.mappings()]


def _count_fans(db: Connection, tenant: str) -> int:
    fans = tables.fans.c
    following = and_(fans.tenant == tenant, fans.unfollowed_at.is_(None))
    return db.execute(select(func.count(fans.account_id.distinct())).where(following)).scalar_one()


def _ids(
    db: Connection, table: Table, column: str, tenant: str, kin: frozenset[UUID]
) -> list[UUID]:
    theirs = and_(table.c.tenant == tenant, table.c.person_id.in_(kin))
    return sorted(db.execute(select(table.c[column]).where(theirs).distinct()).scalars())
