"""Who a visitor of the storefront is: linked to a person, or known to nobody."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from chassis.clock import micros
from chassis.errors import Rejected
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import persons, queries
from commerce.buyer import BUYER, Buyer, LinkBuyer
from commerce.buyers_messages import BuyerLink
from commerce.drop_tables import drop_terms
from commerce.forgotten import buyer_exists, still_there
from commerce.product import PRODUCT, NotOffered

PREFIX = "visitor-"


class BuyerNotKnown(Rejected):
    """So many for one person: the shop has to know who buys, or a new cookie would be another."""

    code = "buyer_not_known"


def link(work: UnitOfWork, wanted: BuyerLink) -> Executed[Buyer]:
    """Count a visitor as a person from now on, with all that they bought and put into carts.

    Raises:
        BuyerErased: the person or the visitor asked to be forgotten.
        BuyerLinkedElsewhere: the visitor is another person.
    """
    alone(work, (wanted.visitor, wanted.person_id))
    who = wanted.person_id
    same = persons.kin_of(work.db, work.tenant, [who])[who]
    named = {wanted.visitor, wanted.person_id, *same}
    still_there(work, named)
    for one in sorted(named):
        buyer_exists(work, one)
    command = LinkBuyer(visitor=wanted.visitor, person_id=wanted.person_id, same=same)
    done = work.execute(BUYER, wanted.visitor, command)
    persons.join(work.db, work.tenant, member=wanted.visitor, person=wanted.person_id)
    return done


def with_visitors(db: Connection, tenant: str, subjects: Sequence[str]) -> tuple[str, ...]:
    """Return subjects of people with the visitors of the storefront that they are."""
    found = persons.members_of(db, tenant, subjects, kind=PREFIX)
    return (*subjects, *sorted(found.difference(subjects)))


def alone(work: UnitOfWork, subjects: Iterable[str]) -> None:
    """Let orders, links and erasures of some people wait until this transaction ends."""
    behind = {persons.person_behind(work.db, work.tenant, one) for one in subjects}
    for one in sorted(behind.union(subjects)):
        persons.one_at_a_time(work.db, work.tenant, one)


def known_for(work: UnitOfWork, skus: Iterable[str], visitor: str) -> None:
    """See that a shopper may buy what is limited for each person; raises BuyerNotKnown."""
    for sku in sorted(set(skus)):
        if barred(work.db, work.tenant, sku, visitor, work.now):
            raise BuyerNotKnown(
                f"{sku} is limited for each person: have the shop link {visitor} to you first."
            )


def barred(db: Connection, tenant: str, sku: str, visitor: str, now: datetime) -> bool:
    """Say whether a product is limited for each person, and nobody knows who the visitor is."""
    known = persons.person_behind(db, tenant, visitor) != visitor
    return not known and (_limited(db, tenant, sku, now) or _in_drop(db, tenant, sku, now))


def _limited(db: Connection, tenant: str, sku: str, now: datetime) -> bool:
    try:
        offer = queries.state_of(db, tenant, PRODUCT, sku)[0].offer_at(now)
    except NotOffered:
        return False
    return offer.per_person is not None


def _in_drop(db: Connection, tenant: str, sku: str, now: datetime) -> bool:
    row = drop_terms.c
    running = select(row.drop_id).where(
        row.tenant == tenant,
        row.sku == sku,
        row.opens_at <= micros(now),
        row.exclusive_until > micros(now),
    )
    return db.execute(running.limit(1)).first() is not None
