"""What commerce reads of other services' events."""

from dataclasses import dataclass
from uuid import UUID

from chassis.upstream import Upstream

upstream = Upstream()


@upstream.event("identity", "tenant_created")
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantCreated:
    """A company uses the system from now on."""

    zone: str
    currency: str
    country: str


@upstream.event("identity", "account_linked")
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLinked:
    """An account belongs to a person."""

    account_id: str
    person_id: str


@upstream.event("identity", "persons_merged")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonsMerged:
    """Two persons turned out to be one."""

    survivor: str
    absorbed: str


@upstream.event("identity", "erasure_requested")
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRequested:
    """A person asked to be forgotten, under all their names."""

    request_id: UUID
    subjects: tuple[str, ...]
