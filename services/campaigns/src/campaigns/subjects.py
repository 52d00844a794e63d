"""Who is who: every id under which one person left touches."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, or_, select, update

from campaigns.tables import account_owners, merged_persons, orders, sessions, touches
from chassis.insertion import insert_once
from chassis.unit_of_work import UnitOfWork


def remember_account(work: UnitOfWork, *, account_id: str, person_id: str) -> None:
    """Count an account's touches as its person's from now on."""
    table = account_owners
    row = {"tenant": work.tenant, "account_id": account_id, "person_id": person_id}
    if not insert_once(work.db, table, row):
        mine = (table.c.tenant == work.tenant) & (table.c.account_id == account_id)
        work.db.execute(update(table).where(mine).values(person_id=person_id))


def remember_merge(work: UnitOfWork, *, survivor: str, absorbed: str) -> None:
    """Count two persons' touches as one person's from now on."""
    row = {"tenant": work.tenant, "absorbed": absorbed, "survivor": survivor}
    insert_once(work.db, merged_persons, row)


def subjects_of(db: Connection, tenant: str, person_id: str) -> list[str]:
    """Return every id of a person: those of merged persons, and of all their accounts."""
    persons = _merged(db, tenant, person_id)
    table = account_owners
    owned = select(table.c.account_id).where(
        table.c.tenant == tenant, table.c.person_id.in_(persons)
    )
    return sorted({*persons, *db.execute(owned).scalars()})


def forget(work: UnitOfWork, subjects: Sequence[str]) -> Sequence[str]:
    """Keep the rows of some subjects, but not whose they were; return the subjects."""
    for table in (touches, sessions):
        _unname(work, table, "subject", subjects)
    _unname(work, orders, "person_id", subjects)
    owned, merged = account_owners, merged_persons
    for table, columns in (
        (owned, (owned.c.account_id, owned.c.person_id)),
        (merged, (merged.c.absorbed, merged.c.survivor)),
    ):
        named = or_(*(column.in_(subjects) for column in columns))
        work.db.execute(delete(table).where(table.c.tenant == work.tenant, named))
    return subjects


def _merged(db: Connection, tenant: str, person_id: str) -> set[str]:
    table = merged_persons
    known: set[str] = set()
    found = {person_id}
    while found:
        known |= found
        linked = select(table.c.absorbed, table.c.survivor).where(
            table.c.tenant == tenant,
            or_(table.c.absorbed.in_(found), table.c.survivor.in_(found)),
        )
        found = {name for pair in db.execute(linked) for name in pair} - known
    return known


def _unname(work: UnitOfWork, table: Table, column: str, subjects: Sequence[str]) -> None:
    mine = (table.c.tenant == work.tenant) & table.c[column].in_(subjects)
    work.db.execute(update(table).where(mine).values({column: None}))
