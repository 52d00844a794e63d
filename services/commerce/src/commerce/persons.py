"""Who is one person: merged persons and linked accounts count as one buyer."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, or_, select, update

from chassis.insertion import insert_once
from commerce.tables import buyers, person_links, person_orders


def person_behind(db: Connection, tenant: str, member: str) -> str:
    """Return the person that an account or a merged person belongs to; itself if to none."""
    row = person_links.c
    found = select(row.person).where(row.tenant == tenant, row.member == member)
    return db.execute(found).scalar() or member


def join(db: Connection, tenant: str, *, member: str, person: str) -> None:
    """Count an account, or an absorbed person with all who belong to it, as another person."""
    survivor = person_behind(db, tenant, person)
    if survivor == member:
        return
    row = person_links.c
    db.execute(
        update(person_links)
        .where(row.tenant == tenant, or_(row.person == member, row.member == member))
        .values(person=survivor)
    )
    insert_once(db, person_links, {"tenant": tenant, "member": member, "person": survivor})


def one_at_a_time(db: Connection, tenant: str, person: str) -> None:
    """Let other orders of this person wait until this transaction ends.

    Two orders at once would each see the other's goods as not yet bought.
    """
    insert_once(db, buyers, {"tenant": tenant, "person": person})
    row = buyers.c
    mine = select(row.person).where(row.tenant == tenant, row.person == person)
    db.execute(mine.with_for_update())


def bought(db: Connection, tenant: str, person: str, sku: str) -> int:
    """Return how many pieces of a product a person has in orders that still stand."""
    links, orders = person_links.c, person_orders.c
    members = select(links.member).where(links.tenant == tenant, links.person == person)
    total = select(func.coalesce(func.sum(orders.qty), 0)).where(
        orders.tenant == tenant,
        orders.sku == sku,
        orders.counts,
        or_(orders.person_id == person, orders.person_id.in_(members)),
    )
    return int(db.execute(total).scalar_one())


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Delete every row about some people."""
    for subject in subjects:
        orders, links, row = person_orders.c, person_links.c, buyers.c
        db.execute(
            delete(person_orders).where(orders.tenant == tenant, orders.person_id == subject)
        )
        db.execute(
            delete(person_links).where(
                links.tenant == tenant, or_(links.member == subject, links.person == subject)
            )
        )
        db.execute(delete(buyers).where(row.tenant == tenant, row.person == subject))
