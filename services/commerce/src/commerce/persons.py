"""Who is one person: merged persons and linked accounts count as one buyer."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, func, or_, select, update

from chassis.insertion import insert_once
from commerce.tables import buyers, forgotten_people, person_links, person_orders


def person_behind(db: Connection, tenant: str, member: str) -> str:
    """Return the person that an account or a merged person belongs to; itself if to none."""
    row = person_links.c
    found = select(row.person).where(row.tenant == tenant, row.member == member)
    return db.execute(found).scalar() or member


def kin_of(db: Connection, tenant: str, people: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return all ids that each of some people goes by, their own among them, in two queries."""
    row = person_links.c
    own = select(row.member, row.person).where(row.tenant == tenant, row.member.in_(list(people)))
    behind = {**{who: who for who in people}, **dict(db.execute(own).tuples().all())}
    kin = {person: {person} for person in behind.values()}
    theirs = select(row.person, row.member).where(row.tenant == tenant, row.person.in_(list(kin)))
    for person, member in db.execute(theirs):
        kin[person].add(member)
    return {who: frozenset(kin[person] | {who}) for who, person in behind.items()}


def members_of(db: Connection, tenant: str, people: Collection[str], *, kind: str) -> set[str]:
    """Return the ids of one kind, by how they begin, that some people go by."""
    row = person_links.c
    found = select(row.member).where(
        row.tenant == tenant, row.person.in_(list(people)), row.member.startswith(kind)
    )
    return set(db.execute(found).scalars())


def join(db: Connection, tenant: str, *, member: str, person: str) -> None:
    """Count an account, or an absorbed person with all who belong to it, as another person.

    News of somebody who is to be forgotten may come later than that; nothing is kept of it.
    """
    survivor = person_behind(db, tenant, person)
    if survivor == member or forgotten(db, tenant, {member, person, survivor}):
        return
    row = person_links.c
    own = {"tenant": tenant, "member": member, "person": survivor, "direct": person}
    if not insert_once(db, person_links, own):
        again = update(person_links).where(row.tenant == tenant, row.member == member)
        db.execute(again.values(direct=person))
    db.execute(
        update(person_links)
        .where(row.tenant == tenant, or_(row.person == member, row.member == member))
        .values(person=survivor)
    )


def part(db: Connection, tenant: str, *, member: str) -> None:
    """Count an account, or a person with all who belonged to it, by itself again."""
    person, row = person_behind(db, tenant, member), person_links.c
    links = select(row.member, row.direct).where(row.tenant == tenant, row.person == person)
    direct = dict(db.execute(links).tuples().all())
    if direct.pop(member, None) is None:
        return
    db.execute(delete(person_links).where(row.tenant == tenant, row.member == member))
    theirs = update(person_links).where(
        row.tenant == tenant, row.member.in_(_under(member, direct))
    )
    db.execute(theirs.values(person=member))


def _under(person: str, direct: Mapping[str, str]) -> list[str]:
    """Return who belongs to a person, at whatever remove."""
    found = [member for member, parent in direct.items() if parent == person]
    return [*found, *(below for member in found for below in _under(member, direct))]


def forgotten(db: Connection, tenant: str, people: Collection[str]) -> set[str]:
    """Return who of some people asked to be forgotten."""
    row = forgotten_people.c
    erased = select(row.subject).where(row.tenant == tenant, row.subject.in_(list(people)))
    return set(db.execute(erased).scalars())


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
    """Delete every row about some people, and keep nothing that is told of them later."""
    for subject in subjects:
        insert_once(db, forgotten_people, {"tenant": tenant, "subject": subject})
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
