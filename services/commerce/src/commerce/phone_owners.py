"""Whose purchases those are that were made with a phone number.

Commerce never sees a number: tills send identity's id of it.  A purchase is kept under the
number's subject of that time, and identity says whose the number is, before or afterwards.
When a number gets another owner a new subject begins: the history stays with the old one.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from chassis.insertion import insert_once
from commerce import persons
from commerce.stores_tables import phone_owners

PREFIX = "phone-"


def subject_of(db: Connection, tenant: str, phone_id: UUID) -> str:
    """Return under which subject a purchase with this number is kept now."""
    _, generation = _owner(db, tenant, phone_id)
    return _subject(phone_id, generation)


def belongs_to(db: Connection, tenant: str, *, phone_id: UUID, person: str) -> None:
    """Count what is bought with a number as a person's, from the end of its last owner's time."""
    if persons.forgotten(db, tenant, [person]):
        return
    owner, generation = _owner(db, tenant, phone_id)
    if owner is not None:
        if persons.person_behind(db, tenant, owner) == persons.person_behind(db, tenant, person):
            return
        generation += 1
    _keep(db, tenant, phone_id, generation, person)
    persons.join(db, tenant, member=_subject(phone_id, generation), person=person)


def is_free(db: Connection, tenant: str, *, phone_id: UUID, person: str) -> None:
    """End a person's time with a number; what is bought with it from now on is nobody's yet."""
    owner, generation = _owner(db, tenant, phone_id)
    same = owner and persons.person_behind(db, tenant, owner)
    if same == persons.person_behind(db, tenant, person):
        _keep(db, tenant, phone_id, generation + 1, None)


def with_purchases(db: Connection, tenant: str, subjects: Sequence[str]) -> tuple[str, ...]:
    """Return subjects of people with those that their purchases by phone are kept under."""
    owner = phone_owners.c
    unclaimed = select(owner.phone_id, owner.generation).where(
        owner.tenant == tenant, owner.phone_id.in_(subjects), owner.person.is_(None)
    )
    found = {
        *persons.members_of(db, tenant, subjects, kind=PREFIX),
        *(_subject(phone, number) for phone, number in db.execute(unclaimed)),
    }
    return (*subjects, *sorted(found.difference(subjects)))


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Delete whose numbers some people's were; later purchases are under a new subject."""
    row = phone_owners.c
    db.execute(
        update(phone_owners)
        .where(row.tenant == tenant, row.person.in_(subjects))
        .values(person=None, generation=row.generation + 1)
    )
    db.execute(delete(phone_owners).where(row.tenant == tenant, row.phone_id.in_(subjects)))


def _owner(db: Connection, tenant: str, phone_id: UUID) -> tuple[str | None, int]:
    """Return a number's owner and generation, and let other news of it wait."""
    fresh = {"tenant": tenant, "phone_id": str(phone_id), "generation": 1, "person": None}
    insert_once(db, phone_owners, fresh)
    row = phone_owners.c
    mine = select(row.person, row.generation).where(
        row.tenant == tenant, row.phone_id == str(phone_id)
    )
    person, generation = db.execute(mine.with_for_update()).one()
    return person, generation


def _keep(db: Connection, tenant: str, phone_id: UUID, generation: int, person: str | None) -> None:
    row = phone_owners.c
    db.execute(
        update(phone_owners)
        .where(row.tenant == tenant, row.phone_id == str(phone_id))
        .values(generation=generation, person=person)
    )


def _subject(phone_id: object, generation: int) -> str:
    return f"{PREFIX}{phone_id}" if generation == 1 else f"{PREFIX}{phone_id}.{generation}"
