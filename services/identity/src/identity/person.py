"""The person: what speaks for one human being behind several handles, numbers and addresses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from identity.events import (
    AccountLinked,
    AccountUnlinked,
    CustomerKind,
    CustomerKindChanged,
    EmailDeclared,
    ErasureRequested,
    MergeProposed,
    PersonErased,
    PersonEvent,
    PersonRegistered,
    PersonsMerged,
    PersonSplit,
)
from identity.person_commands import (
    CompleteErasure,
    DeclareEmail,
    Holdings,
    LinkAccount,
    LivingCommand,
    Merge,
    PersonCommand,
    ProposeMerge,
    RegisterPerson,
    RequestErasure,
    SetCustomerKind,
    Split,
    UnlinkAccount,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How many identifiers one human being plausibly has."""

    phones: int = 5
    emails: int = 20
    accounts: int = 30


CAPS = Caps()


class PersonUnknown(NotFound):
    """There is no such person."""

    code = "person_unknown"


class PersonForgotten(Rejected):
    """The person asked to be forgotten."""

    code = "person_forgotten"
    status = 410


class AccountLinkedElsewhere(Rejected):
    """The account is taken for another person's already."""

    code = "account_linked_elsewhere"


class IdentifierCap(Rejected):
    """One human being hardly has so many identifiers; a reviewer decides."""

    code = "identifier_cap"


class DifferentPhones(Rejected):
    """Two persons with different verified phones are never merged without a reviewer."""

    code = "different_verified_phones"


class LinkUnknown(NotFound):
    """There is no such merge to undo."""

    code = "link_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What the rules need to know of a person."""

    person_id: UUID | None = None
    accounts: frozenset[UUID] = frozenset()
    emails: frozenset[UUID] = frozenset()
    proposals: frozenset[UUID] = frozenset()
    merges: tuple[PersonsMerged, ...] = ()
    kind: CustomerKind = "prospect"
    erasure: UUID | None = None
    erased: bool = False


def decide(person: Person, command: PersonCommand) -> Sequence[PersonEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case RegisterPerson():
            return _register(person, command)
        case RequestErasure():
            return _request_erasure(person, command)
        case CompleteErasure():
            return _complete_erasure(person, command)
        case _:
            return _decide_living(person, _living(person), command)


def evolve(person: Person, event: PersonEvent) -> Person:  # noqa: C901, PLR0911  # one arm each
    """Apply one fact."""
    match event:
        case PersonRegistered():
            return replace(person, person_id=event.person_id)
        case AccountLinked():
            return replace(person, accounts=person.accounts | {event.account_id})
        case AccountUnlinked():
            return replace(person, accounts=person.accounts - {event.account_id})
        case EmailDeclared():
            return replace(person, emails=person.emails | {event.email_id})
        case MergeProposed():
            return replace(person, proposals=person.proposals | {event.proposal_id})
        case PersonsMerged():
            return replace(person, merges=(*person.merges, event))
        case PersonSplit():
            return _without(person, event.undoes_link_id)
        case CustomerKindChanged():
            return replace(person, kind=event.kind)
        case ErasureRequested():
            return replace(person, erasure=event.request_id)
        case PersonErased():
            return replace(person, erased=True)
        case _:
            assert_never(event)


def _decide_living(  # noqa: PLR0911  # one arm each
    person: Person,
    me: UUID,
    command: LivingCommand,
) -> Sequence[PersonEvent]:
    match command:
        case LinkAccount():
            return _link(person, me, command)
        case UnlinkAccount():
            return _unlink(person, me, command)
        case DeclareEmail():
            return _declare_email(person, me, command)
        case ProposeMerge():
            return _propose(person, me, command)
        case Merge():
            return _merge(person, me, command)
        case Split():
            return _split(person, me, command)
        case SetCustomerKind():
            return _set_kind(person, me, command)
        case _:
            assert_never(command)


def _living(person: Person) -> UUID:
    if person.person_id is None:
        raise PersonUnknown
    if person.erasure is not None:
        raise PersonForgotten(person.person_id)
    return person.person_id


def _register(person: Person, command: RegisterPerson) -> Sequence[PersonEvent]:
    if person.person_id is not None:
        return []
    return [PersonRegistered(person_id=command.person_id, origin=command.origin)]


def _link(person: Person, me: UUID, command: LinkAccount) -> Sequence[PersonEvent]:
    if command.account_id in person.accounts:
        return []
    if command.owner is not None:
        raise AccountLinkedElsewhere(command.account_id)
    if command.held >= CAPS.accounts:
        raise IdentifierCap(f"{command.held} accounts")
    return [
        AccountLinked(
            account_id=command.account_id,
            person_id=me,
            evidence=command.evidence,
            rule=command.rule,
        )
    ]


def _unlink(person: Person, me: UUID, command: UnlinkAccount) -> Sequence[PersonEvent]:
    if command.account_id not in person.accounts:
        return []
    return [AccountUnlinked(account_id=command.account_id, person_id=me, reason=command.reason)]


def _declare_email(person: Person, me: UUID, command: DeclareEmail) -> Sequence[PersonEvent]:
    if command.email_id in person.emails:
        return []
    if command.held >= CAPS.emails:
        raise IdentifierCap(f"{command.held} e-mail addresses")
    return [EmailDeclared(email_id=command.email_id, person_id=me, address=command.address)]


def _propose(person: Person, me: UUID, command: ProposeMerge) -> Sequence[PersonEvent]:
    if command.proposal_id in person.proposals:
        return []
    return [
        MergeProposed(
            proposal_id=command.proposal_id,
            a=me,
            b=command.other,
            score=command.score,
            features=tuple(command.features),
        )
    ]


def _merge(person: Person, me: UUID, command: Merge) -> Sequence[PersonEvent]:
    if any(merge.absorbed == command.absorbed for merge in person.merges):
        return []
    if command.approver is None:
        _check_automatic(command.mine, command.theirs)
    return [
        PersonsMerged(
            survivor=me,
            absorbed=command.absorbed,
            link_id=command.link_id,
            rule=command.rule,
            approver=command.approver,
        )
    ]


def _check_automatic(mine: Holdings, theirs: Holdings) -> None:
    if mine.verified_phones and theirs.verified_phones:
        raise DifferentPhones
    if (
        mine.phones + theirs.phones > CAPS.phones
        or mine.emails + theirs.emails > CAPS.emails
        or mine.accounts + theirs.accounts > CAPS.accounts
    ):
        raise IdentifierCap


def _split(person: Person, me: UUID, command: Split) -> Sequence[PersonEvent]:
    undone = [merge for merge in person.merges if merge.link_id == command.undoes_link_id]
    if not undone:
        raise LinkUnknown(command.undoes_link_id)
    return [
        PersonSplit(
            from_person=me,
            to_person=undone[0].absorbed,
            accounts=tuple(command.accounts),
            undoes_link_id=command.undoes_link_id,
        )
    ]


def _without(person: Person, link_id: UUID) -> Person:
    kept = tuple(merge for merge in person.merges if merge.link_id != link_id)
    # The pair may be proposed anew: it is two persons again.
    return replace(person, merges=kept, proposals=frozenset())


def _set_kind(person: Person, me: UUID, command: SetCustomerKind) -> Sequence[PersonEvent]:
    if person.kind == command.kind:
        return []
    return [CustomerKindChanged(person_id=me, kind=command.kind, because=command.because)]


def _request_erasure(person: Person, command: RequestErasure) -> Sequence[PersonEvent]:
    if person.person_id is None:
        raise PersonUnknown
    if person.erasure is not None:
        return []
    return [
        ErasureRequested(
            request_id=command.request_id,
            person_id=person.person_id,
            subjects=tuple(command.subjects),
            requested_at=command.now,
        )
    ]


def _complete_erasure(person: Person, command: CompleteErasure) -> Sequence[PersonEvent]:
    if person.person_id is None or person.erasure != command.request_id or person.erased:
        return []
    return [PersonErased(request_id=command.request_id, person_id=person.person_id)]


PERSON = Decider(category="person", initial=Person(), decide=decide, evolve=evolve)
