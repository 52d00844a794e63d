"""What listening reads of other services' events."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.quotas.limits import NamedLimit
from chassis.upstream import Upstream

upstream = Upstream()


@upstream.event("identity", "tenant_quotas_set")
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantQuotasSet:
    """An operator said how much a company may do, and where its days begin."""

    zone: str
    limits: Sequence[NamedLimit]


@upstream.event("identity", "tenant_created")
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantCreated:
    """A company with its own wall clock and working days."""

    zone: str
    country: str | None = None


@upstream.event("identity", "tenant_revised")
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantRevised:
    """A company moved its wall clock or its working days."""

    zone: str
    country: str | None = None


@upstream.event("identity", "account_linked")
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLinked:
    """A handle belongs to a known person."""

    account_id: str
    person_id: str


@upstream.event("identity", "account_unlinked")
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountUnlinked:
    """A handle is no longer taken for a person's."""

    account_id: str


@upstream.event("identity", "persons_merged")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonsMerged:
    """Two known persons are one."""

    survivor: str
    absorbed: str


@upstream.event("identity", "member_enrolled")
@dataclass(frozen=True, kw_only=True, slots=True)
class MemberEnrolled:
    """A known person is a member of a programme."""

    member_id: str
    person_id: str
    programme: str


@upstream.event("identity", "erasure_requested")
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRequested:
    """A person wants to be forgotten."""

    request_id: UUID
    person_id: str
    subjects: tuple[str, ...]


@upstream.event("commerce", "order_confirmed")
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfirmed:
    """A known person bought something."""

    order_id: str
    person_id: str
