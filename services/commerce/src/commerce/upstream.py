"""What commerce reads of other services' events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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


@upstream.event("identity", "account_unlinked")
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountUnlinked:
    """An account is no longer taken for a person's."""

    account_id: str
    person_id: str


@upstream.event("identity", "person_split")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonSplit:
    """Two persons are two after all; the accounts are the one's who was taken for the other."""

    to_person: str
    accounts: tuple[str, ...]


@upstream.event("identity", "persons_merged")
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonsMerged:
    """Two persons turned out to be one."""

    survivor: str
    absorbed: str


@upstream.event("identity", "phone_reassigned")
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneReassigned:
    """A number is somebody else's from now on."""

    phone_id: UUID
    to_person: str


@upstream.event("identity", "erasure_requested")
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRequested:
    """A person asked to be forgotten, under all their names."""

    request_id: UUID
    subjects: tuple[str, ...]


@upstream.event("identity", "phone_verified")
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneVerified:
    """A person showed that they hold a phone, until a moment."""

    phone_id: str
    person_id: str
    valid_until: datetime


@upstream.event("identity", "phone_released")
@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneReleased:
    """A phone is no longer taken for a person's; before it is another's, it is released."""

    phone_id: str
    person_id: str
