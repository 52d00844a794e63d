"""What listening keeps of other services' facts: tenants' clocks, and who an author is."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Table, and_, delete, func, insert, select, update

from chassis.insertion import insert_once
from chassis.unit_of_work import UnitOfWork
from listening.case_events import Standing
from listening.tables import accounts, memberships, orders, tenants, turns
from listening.work_calendar import UnknownCountry, UnknownZone, WorkCalendar

_OF_PERSONS: tuple[Table, ...] = (accounts, memberships, orders)


def keep_tenant(db: Connection, tenant: str, *, zone: str, country: str | None) -> None:
    """Remember a tenant's wall clock and working days."""
    db.execute(delete(tenants).where(tenants.c.tenant == tenant))
    db.execute(insert(tenants).values(tenant=tenant, zone=zone, country=country or None))


def calendar_of(db: Connection, tenant: str) -> WorkCalendar:
    """Return a tenant's calendar; its basis says how much is known.

    A tenant that has not been heard of yet works on weekdays by UTC.  A country without
    packaged holidays works on weekdays too.
    """
    row = db.execute(select(tenants).where(tenants.c.tenant == tenant)).mappings().first()
    if row is None:
        return WorkCalendar(zone="UTC")
    try:
        return WorkCalendar(zone=row["zone"], country=row["country"])
    except UnknownCountry:
        return WorkCalendar(zone=row["zone"])
    except UnknownZone:
        return WorkCalendar(zone="UTC")


def link_account(db: Connection, tenant: str, *, account_id: str, person_id: str) -> None:
    """Remember whose handle it is."""
    unlink_account(db, tenant, account_id=account_id)
    db.execute(insert(accounts).values(tenant=tenant, account_id=account_id, person_id=person_id))


def unlink_account(db: Connection, tenant: str, *, account_id: str) -> None:
    """Forget whose handle it was."""
    one = and_(accounts.c.tenant == tenant, accounts.c.account_id == account_id)
    db.execute(delete(accounts).where(one))


def keep_membership(
    db: Connection, tenant: str, *, member_id: str, person_id: str, programme: str
) -> None:
    """Remember that a person is a member."""
    row = {"tenant": tenant, "member_id": member_id, "person_id": person_id}
    insert_once(db, memberships, {**row, "programme": programme})


def keep_order(db: Connection, tenant: str, *, order_id: str, person_id: str) -> None:
    """Remember that a person bought something."""
    insert_once(db, orders, {"tenant": tenant, "order_id": order_id, "person_id": person_id})


def merge_persons(db: Connection, tenant: str, *, survivor: str, absorbed: str) -> None:
    """Count everything of one person as the other's."""
    for table in _OF_PERSONS:
        one = and_(table.c.tenant == tenant, table.c.person_id == absorbed)
        db.execute(update(table).where(one).values(person_id=survivor))


def forget_subjects(work: UnitOfWork, subjects: Sequence[str]) -> Sequence[str]:
    """Drop what ties accounts, memberships and orders to persons; return the subjects."""
    db, tenant = work.db, work.tenant
    for table in _OF_PERSONS:
        gone = and_(table.c.tenant == tenant, table.c.person_id.in_(subjects))
        db.execute(delete(table).where(gone))
    handles = and_(accounts.c.tenant == tenant, accounts.c.account_id.in_(subjects))
    db.execute(delete(accounts).where(handles))
    return subjects


def standing_of(db: Connection, tenant: str, account_id: UUID) -> Standing:
    """Return what is known of an author now."""
    handle = str(account_id)
    one = and_(accounts.c.tenant == tenant, accounts.c.account_id == handle)
    person_id = db.execute(select(accounts.c.person_id).where(one)).scalar()
    handles = _handles(db, tenant, person_id) or [handle]
    if person_id is None:
        return Standing(open_cases=_open_cases(db, tenant, handles))
    return Standing(
        person_id=person_id,
        programmes=_programmes(db, tenant, person_id),
        orders=_orders(db, tenant, person_id),
        open_cases=_open_cases(db, tenant, handles),
    )


def _handles(db: Connection, tenant: str, person_id: str | None) -> list[str]:
    one = and_(accounts.c.tenant == tenant, accounts.c.person_id == person_id)
    return list(db.execute(select(accounts.c.account_id).where(one)).scalars())


def _programmes(db: Connection, tenant: str, person_id: str) -> tuple[str, ...]:
    one = and_(memberships.c.tenant == tenant, memberships.c.person_id == person_id)
    found = select(memberships.c.programme).where(one).distinct().order_by(memberships.c.programme)
    return tuple(db.execute(found).scalars())


def _orders(db: Connection, tenant: str, person_id: str) -> int:
    one = and_(orders.c.tenant == tenant, orders.c.person_id == person_id)
    return db.execute(select(func.count()).select_from(orders).where(one)).scalar_one()


def _open_cases(db: Connection, tenant: str, handles: Sequence[str]) -> int:
    mine = and_(
        turns.c.tenant == tenant,
        turns.c.author_account.in_([UUID(handle) for handle in handles]),
        turns.c.open,
    )
    return db.execute(select(func.count()).select_from(turns).where(mine)).scalar_one()
