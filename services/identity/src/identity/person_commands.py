"""What can be asked of a person, and what is said with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from identity.events import CustomerKind, Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """The identifiers that a person, with everyone merged into them, has now."""

    verified_phones: frozenset[UUID] = frozenset()
    phones: int = 0
    emails: int = 0
    accounts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterPerson:
    """Take note that there is somebody."""

    person_id: UUID
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkAccount:
    """Take an account for the person's.

    Args:
        owner: Who it is taken for already.
        held: How many accounts the person has.
    """

    account_id: UUID
    evidence: Evidence
    rule: str
    owner: UUID | None
    held: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UnlinkAccount:
    """No longer take an account for the person's."""

    account_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclareEmail:
    """Note an address that the person named; ``held`` counts those that they named already."""

    email_id: UUID
    address: str = field(repr=False)
    held: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposeMerge:
    """Ask a reviewer whether this person and another one are one."""

    proposal_id: UUID
    other: UUID
    score: float
    features: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """Join a younger person into this one; an ``approver`` has looked at both."""

    absorbed: UUID
    link_id: UUID
    rule: str
    approver: str | None
    mine: Holdings
    theirs: Holdings


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Undo one merge exactly; ``accounts`` are those that the absorbed person had."""

    undoes_link_id: UUID
    accounts: Sequence[UUID]


@dataclass(frozen=True, kw_only=True, slots=True)
class SetCustomerKind:
    """Say whether the person has bought before."""

    kind: CustomerKind
    because: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestErasure:
    """Forget the person, under every one of their subjects."""

    request_id: UUID
    subjects: Sequence[str]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteErasure:
    """Say that every service has forgotten the person."""

    request_id: UUID


LivingCommand = (
    LinkAccount | UnlinkAccount | DeclareEmail | ProposeMerge | Merge | Split | SetCustomerKind
)
PersonCommand = RegisterPerson | RequestErasure | CompleteErasure | LivingCommand
