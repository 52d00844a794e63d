"""How much one person may buy of a product, under all their accounts together."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from chassis.errors import Rejected
from chassis.unit_of_work import UnitOfWork
from commerce import persons
from commerce.messages import LineRequest
from commerce.order_events import OrderLine, OrderPlaced
from commerce.product import PRODUCT

ELSEWHERE = frozenset({"marketplace", "store"})  # what is sold there is sold by other rules


class PersonLimitReached(Rejected):
    """One person may not buy so many, under all their accounts together."""

    code = "person_limit_reached"


def within(
    work: UnitOfWork, person: str, lines: Iterable[LineRequest | OrderLine], at: datetime
) -> None:
    """Refuse more than a person might buy at a moment, what they have in other orders included.

    Orders of one person have to be asked about one at a time.

    Raises:
        PersonLimitReached: it is more.
    """
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.sku] += line.qty
    for sku, qty in sorted(pieces.items()):
        limit = work.load(PRODUCT, sku).state.offer_at(at).per_person
        if limit is not None and persons.bought(work.db, work.tenant, person, sku) + qty > limit:
            raise PersonLimitReached(f"One person may buy {limit} of {sku}.")


def still_within(work: UnitOfWork, made: OrderPlaced) -> None:
    """Ask again for an order that had expired: while it had, its buyer was free to order more.

    Raises:
        PersonLimitReached: they did.
    """
    person = persons.person_behind(work.db, work.tenant, made.person_id)
    persons.one_at_a_time(work.db, work.tenant, person)
    within(work, person, made.lines, made.placed_at)
