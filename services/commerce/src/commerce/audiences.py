"""Who is in which audience, as far as commerce has heard of it.

An audience is ``everybody``, ``customers``, ``prospects`` or ``programme:<name>``.  Whoever is
not known to be a customer is a prospect, so a visitor is one.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, select

from chassis.insertion import insert_once
from chassis.privacy import is_erased
from chassis.unit_of_work import UnitOfWork
from commerce.promotion_tables import audience_members

EVERYBODY, CUSTOMERS, PROSPECTS = "everybody", "customers", "prospects"


def audiences_of(db: Connection, tenant: str, names: Sequence[str]) -> Collection[str]:
    """Return the audiences of somebody who goes by some ids."""
    row = audience_members.c
    mine = select(row.audience).where(row.tenant == tenant, row.person_id.in_(names))
    found = set(db.execute(mine).scalars())
    return {EVERYBODY, *found} | (set() if CUSTOMERS in found else {PROSPECTS})


def set_kind(work: UnitOfWork, person_id: str, kind: str) -> None:
    """Count a person as a customer, or as one no more."""
    if kind == "existing":
        _join(work, person_id, CUSTOMERS)
    else:
        _leave(work, person_id, CUSTOMERS)


def enrol(work: UnitOfWork, person_id: str, programme: str) -> None:
    """Count a person as a member of a programme."""
    _join(work, person_id, f"programme:{programme}")


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Delete what is known of some people."""
    row = audience_members.c
    db.execute(delete(audience_members).where(row.tenant == tenant, row.person_id.in_(subjects)))


def _join(work: UnitOfWork, person_id: str, audience: str) -> None:
    if is_erased(work.keys, work.tenant, person_id):
        return
    row = {"tenant": work.tenant, "person_id": person_id, "audience": audience}
    insert_once(work.db, audience_members, row)


def _leave(work: UnitOfWork, person_id: str, audience: str) -> None:
    row = audience_members.c
    work.db.execute(
        delete(audience_members).where(
            row.tenant == work.tenant, row.person_id == person_id, row.audience == audience
        )
    )
