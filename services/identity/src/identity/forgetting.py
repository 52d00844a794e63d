"""Use cases around erasure: asked for, done here, confirmed by everyone."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from chassis import erasure
from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from identity import queries
from identity.erasure_request import ERASURE, Acknowledge
from identity.person import PERSON
from identity.person_commands import RequestErasure
from identity.phone import PHONE
from identity.phone_commands import ReleasePhone


def request_erasure(work: UnitOfWork, *, person_id: UUID) -> UUID:
    """Ask every service to forget a person and return the request's id, the same every time.

    Raises:
        PersonUnknown: there is nobody of this id.
        Unavailable: the list of erasures cannot be written.
    """
    today = queries.survivor_of(work.db, work.tenant, person_id)
    request_id = derived_id(work.tenant, "erasure", today)
    subjects = _subjects(work, today)
    command = RequestErasure(request_id=request_id, subjects=subjects, now=work.now)
    work.execute(PERSON, today, command)
    # Before anybody is told that it was taken: a restore may bring back a log without it.
    erasure.list_elsewhere(work, request_id=request_id, subjects=subjects, about=str(today))
    return request_id


def erase_here(
    work: UnitOfWork, *, request_id: UUID, person_id: UUID, subjects: Sequence[str]
) -> None:
    """Give the person's numbers up, destroy their keys and every way to find them."""
    kin = queries.kin_of(work.db, work.tenant, person_id)
    for phone_id in queries.phones_of(work.db, work.tenant, kin):
        for who in sorted(kin):
            command = ReleasePhone(phone_id=phone_id, person_id=who, reason="user")
            work.execute(PHONE, phone_id, command)
    erasure.erase(work, request_id=request_id, subjects=subjects, forget=forget_rows)


def acknowledge(work: UnitOfWork, *, request_id: UUID, service: str) -> None:
    """Note that another service has forgotten a person, if we asked for it."""
    if queries.find_erasure(work.db, work.tenant, request_id) is not None:
        command = Acknowledge(request_id=request_id, service=service)
        work.execute(ERASURE, request_id, command)


def _subjects(work: UnitOfWork, person_id: UUID) -> tuple[str, ...]:
    db, tenant = work.db, work.tenant
    kin = queries.kin_of(db, tenant, person_id)
    phones = [
        phone_id
        for phone_id in queries.phones_of(db, tenant, kin)
        # A number that somebody else claims too must stay findable for them.
        if queries.claimants_of(db, tenant, phone_id) <= kin
    ]
    emails = [
        email_id
        for email_id in queries.emails_of(db, tenant, kin)
        if kin.issuperset(queries.email_claimants(db, tenant, email_id))
    ]
    accounts = queries.accounts_of(db, tenant, kin)
    return tuple(str(subject) for subject in (*sorted(kin), *accounts, *phones, *emails))


def forget_rows(work: UnitOfWork, subjects: Sequence[str]) -> Sequence[str]:
    """Have deleted look-ups overwritten: read models hold nothing personal to begin with."""
    if work.db.dialect.name == "sqlite":
        # SQLite only unlinks deleted bytes by default: a hash would still be in the file.
        work.db.execute(text("PRAGMA secure_delete=ON"))
    return subjects
