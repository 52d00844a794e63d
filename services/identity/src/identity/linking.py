"""Use cases around one person: known, linked to accounts, a customer."""

from uuid import UUID

from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from identity import queries
from identity.account import ACCOUNT, AccountUnknown
from identity.events import CustomerKind, Evidence, EvidenceKind
from identity.person import (
    PERSON,
    Person,
    PersonForgotten,
    PersonUnknown,
)
from identity.person_commands import (
    LinkAccount,
    RegisterPerson,
    SetCustomerKind,
    UnlinkAccount,
)

_WORTH: dict[EvidenceKind, float] = {
    "otp": 1.0,
    "oauth": 0.95,
    "order": 0.8,
    "declared": 0.5,
    "probabilistic": 0.3,
}


def register_person(work: UnitOfWork, *, origin: str, person_id: UUID | None = None) -> UUID:
    """Take note that there is somebody and return their id."""
    person_id = person_id or derived_id(work.context.command_id, "person")
    work.execute(PERSON, person_id, RegisterPerson(person_id=person_id, origin=origin))
    return person_id


def person_behind(work: UnitOfWork, *, account_id: UUID | None) -> UUID:
    """Return whose an account is; somebody new where it is nobody's, or no account is given.

    The account is not linked to somebody new: only a proof does that.
    """
    owner = account_id and queries.owner_of(work.db, work.tenant, account_id)
    return owner or register_person(work, origin="form")


def evidence_of(kind: EvidenceKind) -> Evidence:
    """Return what evidence of a kind is worth."""
    return Evidence(kind=kind, score=_WORTH[kind])


def living(work: UnitOfWork, person_id: UUID) -> UUID:
    """Return who a person is today.

    Raises:
        PersonUnknown: there is nobody of this id.
        PersonForgotten: they asked to be forgotten.
    """
    today = queries.survivor_of(work.db, work.tenant, person_id)
    _ensure_living(work.load(PERSON, today).state)
    return today


def is_living(work: UnitOfWork, person_id: UUID) -> bool:
    """Say whether a person is known and did not ask to be forgotten."""
    today = queries.survivor_of(work.db, work.tenant, person_id)
    person = work.load(PERSON, today).state
    return person.person_id is not None and person.erasure is None


def link_account(
    work: UnitOfWork, *, person_id: UUID, account_id: UUID, evidence: Evidence, rule: str
) -> None:
    """Take an account for a person's.

    Raises:
        AccountUnknown: the account was never seen.
        AccountLinkedElsewhere: it is another person's.
        IdentifierCap: the person has too many already.
    """
    person_id = living(work, person_id)
    if work.load(ACCOUNT, account_id).state.seen is None:
        raise AccountUnknown
    kin = queries.kin_of(work.db, work.tenant, person_id)
    owner = queries.owner_of(work.db, work.tenant, account_id)
    if owner in kin:
        return
    command = LinkAccount(
        account_id=account_id,
        evidence=evidence,
        rule=rule,
        owner=owner,
        held=accounts_held(work, kin),
    )
    work.execute(PERSON, person_id, command)


def unlink_account(work: UnitOfWork, *, account_id: UUID, reason: str) -> None:
    """No longer take an account for anybody's."""
    owner = queries.owner_of(work.db, work.tenant, account_id)
    if owner is not None:
        work.execute(PERSON, owner, UnlinkAccount(account_id=account_id, reason=reason))


def set_customer_kind(
    work: UnitOfWork, *, person_id: UUID, kind: CustomerKind, because: str
) -> None:
    """Say whether a person has bought, if they are somebody we know and may remember."""
    if is_living(work, person_id):
        today = queries.survivor_of(work.db, work.tenant, person_id)
        work.execute(PERSON, today, SetCustomerKind(kind=kind, because=because))


def accounts_held(work: UnitOfWork, kin: frozenset[UUID]) -> int:
    """Count a person's accounts, those of this unit of work included."""
    return sum(len(work.load(PERSON, person_id).state.accounts) for person_id in kin)


def _ensure_living(person: Person) -> None:
    if person.person_id is None:
        raise PersonUnknown
    if person.erasure is not None:
        raise PersonForgotten
