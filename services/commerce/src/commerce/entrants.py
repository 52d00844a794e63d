"""Who somebody is who asks for a place in a drop: one person, verified or not."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from chassis.clock import micros
from commerce import persons
from commerce.drop_commands import Enter, Standing
from commerce.drop_tables import verified_phones
from commerce.upstream import PhoneReleased, PhoneVerified


def standing_of(db: Connection, tenant: str, person_id: str, at: datetime) -> Standing:
    """Return who one id is."""
    return standings(db, tenant, [person_id], at)[person_id]


def standings(
    db: Connection, tenant: str, people: Collection[str], at: datetime
) -> Mapping[str, Standing]:
    """Return who many ids are, in as many queries as for one.

    Nobody's key is looked for: thousands come at once, and each would get one by being asked for.
    """
    own = persons.kin_of(db, tenant, people)
    everybody = frozenset[str]().union(*own.values())
    phones = _phones(db, tenant, everybody, at)
    forgotten = persons.forgotten(db, tenant, everybody)
    return {
        who: Standing(
            kin=kin,
            phones=frozenset[str]().union(*(phones[one] for one in kin if one in phones)),
            erased=not kin.isdisjoint(forgotten),
        )
        for who, kin in own.items()
    }


def unknown(person_id: str) -> Standing:
    """Return who an id is as long as nobody has looked."""
    return Standing(kin=frozenset({person_id}))


def with_standings(db: Connection, tenant: str, wanted: Sequence[Enter]) -> Sequence[Enter]:
    """Look up who everybody is that wants to enter at the same time."""
    at = max(one.at for one in wanted)
    known = standings(db, tenant, {one.person_id for one in wanted}, at)
    return [replace(one, standing=known[one.person_id]) for one in wanted]


def note_verified(db: Connection, tenant: str, verified: PhoneVerified) -> None:
    """Keep who holds a verified phone; of a person who is to be forgotten nothing is kept."""
    _drop_phone(db, tenant, verified.phone_id)
    if persons.forgotten(db, tenant, [verified.person_id]):
        return
    db.execute(
        insert(verified_phones).values(
            tenant=tenant,
            phone_id=verified.phone_id,
            person_id=verified.person_id,
            valid_until=micros(verified.valid_until),
        )
    )


def note_released(db: Connection, tenant: str, released: PhoneReleased) -> None:
    """Note that a phone is not a person's any more; whoever else it was verified for keeps it."""
    row = verified_phones.c
    db.execute(
        delete(verified_phones).where(
            row.tenant == tenant,
            row.phone_id == released.phone_id,
            row.person_id == released.person_id,
        )
    )


def forget(db: Connection, tenant: str, subjects: Collection[str]) -> None:
    """Delete what is kept of some people's phones, and let none of them enter again."""
    row = verified_phones.c
    db.execute(
        delete(verified_phones).where(row.tenant == tenant, row.person_id.in_(list(subjects)))
    )


def _phones(
    db: Connection, tenant: str, people: Collection[str], at: datetime
) -> Mapping[str, set[str]]:
    row = verified_phones.c
    held = select(row.person_id, row.phone_id).where(
        row.tenant == tenant,
        row.person_id.in_(list(people)),
        row.valid_until > micros(at),
    )
    phones = defaultdict[str, set[str]](set)
    for person, phone in db.execute(held):
        phones[person].add(phone)
    return phones


def _drop_phone(db: Connection, tenant: str, phone_id: str) -> None:
    row = verified_phones.c
    db.execute(delete(verified_phones).where(row.tenant == tenant, row.phone_id == phone_id))
