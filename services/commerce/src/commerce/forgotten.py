"""Buyers who asked to be forgotten: nothing new is kept about them."""

from collections.abc import Collection

from chassis.errors import Rejected
from chassis.privacy import is_erased
from chassis.unit_of_work import UnitOfWork
from commerce import persons


class BuyerErased(Rejected):
    """The buyer asked to be forgotten; nothing new is kept under this id."""

    code = "buyer_erased"


def buyer_exists(work: UnitOfWork, person_id: str) -> None:
    """Raise BuyerErased where nothing may be kept about a buyer any more."""
    if is_erased(work.keys, work.tenant, person_id):
        raise BuyerErased("This buyer asked to be forgotten.")


def still_there(work: UnitOfWork, people: Collection[str]) -> None:
    """Raise BuyerErased where one of some people was forgotten while we waited for our turn.

    A key may be kept in memory for a while after another process destroyed it.
    """
    if persons.forgotten(work.db, work.tenant, people):
        raise BuyerErased("This buyer asked to be forgotten.")
