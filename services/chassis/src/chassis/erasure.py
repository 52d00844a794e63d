"""Forget people: destroy their keys, drop how to find them, and say so as an event.

The log keeps its bytes and its chains; without the keys nobody can read them.  Before a key is
destroyed its subject is on the list that is kept elsewhere, for whoever restores a copy with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import MetaData

from chassis import lookups
from chassis.events import EventRegistry
from chassis.unit_of_work import UnitOfWork

Forget = Callable[[UnitOfWork, Sequence[str]], Sequence[str]]
_lookup = lookups.define_table(MetaData())


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureConfirmed:
    """Nothing personal of these subjects can be read in the service any more."""

    request_id: UUID
    subjects: tuple[str, ...]


def declare(registry: EventRegistry) -> None:
    """Register the event that confirms an erasure."""
    registry.event("erasure_confirmed")(ErasureConfirmed)


def keeps_nothing(_work: UnitOfWork, subjects: Sequence[str]) -> Sequence[str]:
    """Forget subjects of whom the service has no rows of its own; return the same."""
    return subjects


def erase(work: UnitOfWork, *, request_id: UUID, subjects: Sequence[str], forget: Forget) -> None:
    """Make everything personal of some subjects unreadable in this service.

    Args:
        work: The unit of work that confirms it.
        request_id: The request that is confirmed; repeating it changes nothing.
        subjects: Whose keys are destroyed.
        forget: Removes the service's own rows about them, in the same transaction, and returns
            them with every other subject that they are here.
    """
    subjects = forget(work, subjects)
    list_elsewhere(work, request_id=request_id, subjects=subjects)
    for subject in subjects:
        lookups.forget_subject(work.db, _lookup, tenant=work.tenant, subject=subject)
        work.keys.destroy(work.tenant, subject)
    confirmed = ErasureConfirmed(request_id=request_id, subjects=tuple(subjects))
    work.add(f"erasure-{request_id}", [confirmed])


def remove_again(
    work: UnitOfWork, *, request_id: UUID, subjects: Sequence[str], forget: Forget
) -> list[str]:
    """Remove what a restored copy has of subjects that were forgotten; record nothing.

    Args:
        work: Gives the transaction; whoever opened it commits without a flush.
        request_id: The request by which they were forgotten.
        subjects: Whose keys are destroyed already.
        forget: As in ``erase``.

    Returns:
        Who else they are in this copy: on the list now, their keys still to be destroyed.

    Raises:
        Unavailable: the list cannot be written; nothing may be committed.
    """
    everybody = forget(work, subjects)
    for subject in everybody:
        lookups.forget_subject(work.db, _lookup, tenant=work.tenant, subject=subject)
    more = sorted(set(everybody).difference(subjects))
    if more:
        list_elsewhere(work, request_id=request_id, subjects=more)
    return more


def list_elsewhere(
    work: UnitOfWork, *, request_id: UUID, subjects: Sequence[str], about: str | None = None
) -> None:
    """Put subjects on the list that outlives every restore, where there is one.

    Args:
        work: The unit of work that may confirm it afterwards.
        request_id: The request to be forgotten.
        subjects: Whose keys are to be destroyed.
        about: Who asked, where the service was asked by that person.

    Raises:
        Unavailable: the list cannot be written; nothing may be confirmed.
    """
    if work.erasures is not None:
        work.erasures.add(
            tenant=work.tenant,
            request_id=request_id,
            subjects=subjects,
            now=work.recorded_at,
            about=about,
        )
