"""Use cases around two persons who may be one: proposed, merged by a link event, split exactly."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis import lookups
from chassis.errors import Conflict
from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from identity import linking, queries, tables
from identity.events import Evidence
from identity.linking import living
from identity.person import (
    PERSON,
    AccountLinkedElsewhere,
    DifferentPhones,
    IdentifierCap,
    LinkUnknown,
)
from identity.person_commands import DeclareEmail, Holdings, Merge, ProposeMerge, Split
from identity.phone import PHONE
from identity.phone_commands import SettleContest

SAME_EMAIL, SAME_ACCOUNT, SAME_PHONE, REQUESTED = 0.3, 0.6, 0.8, 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """What became of two persons who may be one; ``by`` is the link or the proposal."""

    survivor: UUID
    other: UUID
    merged: bool
    by: UUID | None


def merge(
    work: UnitOfWork, *, first: UUID, second: UUID, rule: str, approver: str | None = None
) -> Joined:
    """Join two persons; the one who was registered first survives.

    Raises:
        DifferentPhones: each has a verified phone, and nobody approved.
        IdentifierCap: together they have too many identifiers, and nobody approved.
    """
    a, b = living(work, first), living(work, second)
    if a == b:
        return Joined(survivor=a, other=a, merged=True, by=None)
    survivor, absorbed = _by_age(work, a, b)
    link_id = derived_id(work.context.command_id, "merge", survivor, absorbed)
    mine = queries.kin_of(work.db, work.tenant, survivor)
    theirs = queries.kin_of(work.db, work.tenant, absorbed)
    command = Merge(
        absorbed=absorbed,
        link_id=link_id,
        rule=rule,
        approver=approver,
        mine=_holdings(work, mine),
        theirs=_holdings(work, theirs),
    )
    work.execute(PERSON, survivor, command)
    for phone_id in queries.contested_within(work.db, work.tenant, mine | theirs):
        work.execute(PHONE, phone_id, SettleContest(phone_id=phone_id, person_id=survivor))
    return Joined(survivor=survivor, other=absorbed, merged=True, by=link_id)


def propose_merge(
    work: UnitOfWork, *, first: UUID, second: UUID, score: float, features: Sequence[str]
) -> Joined:
    """Ask a reviewer whether two persons are one; asking twice changes nothing."""
    a, b = living(work, first), living(work, second)
    if a == b:
        return Joined(survivor=a, other=a, merged=True, by=None)
    older, younger = _by_age(work, a, b)
    proposal_id = proposal_of(work.tenant, older, younger)
    command = ProposeMerge(proposal_id=proposal_id, other=younger, score=score, features=features)
    work.execute(PERSON, older, command)
    return Joined(survivor=older, other=younger, merged=False, by=proposal_id)


def merge_or_propose(
    work: UnitOfWork, *, first: UUID, second: UUID, rule: str, score: float
) -> Joined:
    """Join two persons where the rules allow it, else ask a reviewer."""
    try:
        return merge(work, first=first, second=second, rule=rule)
    except (DifferentPhones, IdentifierCap) as refusal:
        features = (rule, refusal.code)
        return propose_merge(work, first=first, second=second, score=score, features=features)


def approve_merge(
    work: UnitOfWork, *, first: UUID, second: UUID, proposal_id: UUID, approver: str
) -> Joined:
    """Join two persons as a reviewer decided.

    Raises:
        LinkUnknown: it was not proposed.
    """
    a, b = living(work, first), living(work, second)
    older, younger = _by_age(work, a, b)
    waiting = work.load(PERSON, older).state.proposals
    if proposal_id not in waiting or proposal_id != proposal_of(work.tenant, older, younger):
        raise LinkUnknown(proposal_id)
    return merge(work, first=older, second=younger, rule="review", approver=approver)


def split(work: UnitOfWork, *, person_id: UUID, link_id: UUID) -> UUID:
    """Undo one merge and return who is themselves again.

    Raises:
        LinkUnknown: the person has no such merge.
    """
    person_id = living(work, person_id)
    links = [m for m in work.load(PERSON, person_id).state.merges if m.link_id == link_id]
    if not links:
        raise LinkUnknown(link_id)
    absorbed = links[0].absorbed
    theirs = queries.kin_of(work.db, work.tenant, absorbed)
    accounts = queries.accounts_of(work.db, work.tenant, theirs)
    work.execute(PERSON, person_id, Split(undoes_link_id=link_id, accounts=accounts))
    return absorbed


def link_or_propose(
    work: UnitOfWork, *, person_id: UUID, account_id: UUID, evidence: Evidence, rule: str
) -> None:
    """Take an account for a person's; where it is another person's, ask whether the two are one.

    Raises:
        AccountUnknown: the account was never seen.
        IdentifierCap: the person has too many already.
    """
    try:
        linking.link_account(
            work, person_id=person_id, account_id=account_id, evidence=evidence, rule=rule
        )
    except AccountLinkedElsewhere:
        owner = queries.owner_of(work.db, work.tenant, account_id) or person_id
        features = ("same_account", rule)
        propose_merge(work, first=owner, second=person_id, score=SAME_ACCOUNT, features=features)


def declare_email(work: UnitOfWork, *, person_id: UUID, address: str) -> UUID:
    """Note a person's address; somebody else's equal one is a hint to a reviewer, never proof.

    Raises:
        IdentifierCap: the person named too many already.
    """
    person_id = living(work, person_id)
    kin = queries.kin_of(work.db, work.tenant, person_id)
    email_id = lookups.remember(
        work.db,
        tables.lookup,
        tenant=work.tenant,
        kind="email",
        token=lookups.token(work.secret, work.tenant, "email", address.casefold()),
        subject=str(derived_id(work.context.command_id, "email", person_id)),
    )
    others = set(queries.email_claimants(work.db, work.tenant, UUID(email_id))) - kin
    command = DeclareEmail(email_id=UUID(email_id), address=address, held=_emails(work, kin))
    work.execute(PERSON, person_id, command)
    for other in sorted(other for other in others if linking.is_living(work, other)):
        propose_merge(
            work, first=person_id, second=other, score=SAME_EMAIL, features=("same_email",)
        )
    return UUID(email_id)


def proposal_of(tenant: str, older: UUID, younger: UUID) -> UUID:
    """Return the one proposal that two persons are one."""
    return derived_id(tenant, "proposal", older, younger)


def _holdings(work: UnitOfWork, kin: frozenset[UUID]) -> Holdings:
    return Holdings(
        verified_phones=frozenset(queries.verified_phones_of(work.db, work.tenant, kin)),
        phones=len(queries.phones_of(work.db, work.tenant, kin)),
        emails=_emails(work, kin),
        accounts=linking.accounts_held(work, kin),
    )


def _emails(work: UnitOfWork, kin: frozenset[UUID]) -> int:
    named = [work.load(PERSON, person_id).state.emails for person_id in kin]
    return len(frozenset().union(*named))


def _by_age(work: UnitOfWork, a: UUID, b: UUID) -> tuple[UUID, UUID]:
    older, younger = sorted((a, b), key=lambda person_id: _registered(work, person_id))
    return older, younger


def _registered(work: UnitOfWork, person_id: UUID) -> int:
    stream = PERSON.stream(person_id)
    position = work.log.position_of(work.tenant, stream, 1)
    if position is None and not work.log.stream(work.tenant, stream):
        return sys.maxsize  # registered in this very unit of work, so the youngest
    if position is None:
        raise Conflict("a person was registered a moment ago")
    return position
