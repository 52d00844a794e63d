"""Buyer: a visitor of the storefront, and the one person that they turned out to be."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.decider import Decider
from chassis.errors import Rejected
from commerce.buyers_events import BuyerLinked


class BuyerLinkedElsewhere(Rejected):
    """The visitor is another person's; ask them to have it forgotten, and begin as a new one."""

    code = "buyer_linked_elsewhere"


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer:
    """Which person a visitor is, once that is known."""

    person_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkBuyer:
    """Say which person a visitor is.

    Args:
        same: All ids that this person goes by.
    """

    visitor: str
    person_id: str
    same: frozenset[str]


def decide(buyer: Buyer, command: LinkBuyer) -> Sequence[BuyerLinked]:
    """Turn a link into a fact, unless it says nothing new."""
    if buyer.person_id is None:
        return [BuyerLinked(visitor=command.visitor, person_id=command.person_id)]
    if buyer.person_id not in command.same | {command.person_id}:
        raise BuyerLinkedElsewhere("This visitor is another person; link a visitor of their own.")
    return []


def evolve(_: Buyer, event: BuyerLinked) -> Buyer:
    """Apply one fact."""
    return Buyer(person_id=event.person_id)


BUYER: Decider[Buyer, LinkBuyer, BuyerLinked] = Decider(
    category="buyer", initial=Buyer(), decide=decide, evolve=evolve
)
