"""Every fact that identity records; the public ones are a promise to other teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from chassis import audit, erasure, processes
from chassis.events import EventRegistry
from chassis.money import Currency
from chassis.privacy import Personal
from chassis.quotas import events as quotas
from chassis.quotas.limits import NamedLimit

registry = EventRegistry("identity")
processes.declare(registry)
erasure.declare(registry)
quotas.declare(registry)
audit.declare(registry)

EvidenceKind = Literal["otp", "oauth", "order", "declared", "probabilistic"]
Level = Literal["code", "real_name"]
ReleaseReason = Literal["changed", "recycled", "expired", "user"]
CustomerKind = Literal["prospect", "existing"]


@registry.event("tenant_created", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantCreated:
    """A company began to use the platform; its zone and calendar say what its hours mean."""

    tenant_id: str
    name: str
    zone: str
    currency: Currency
    country: str
    calendar: str
    retention_days: int


@registry.event("tenant_revised", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantRevised:
    """A company changed how it wants to be served."""

    tenant_id: str
    name: str
    zone: str
    currency: Currency
    country: str
    calendar: str
    retention_days: int


@registry.event("tenant_quotas_set", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class TenantQuotasSet:
    """An operator said how much a company may do; limits not named here are the installation's.

    Days and months of every limit are counted in this zone.
    """

    tenant_id: str
    zone: str
    limits: Sequence[NamedLimit]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What a platform shows of an account; None where it does not say."""

    followers: int | None = None
    following: int | None = None
    posts: int | None = None
    likes_given: int | None = None
    created_at: datetime | None = None
    verified: bool | None = None
    bio_len: int | None = None
    avatar: bool | None = None
    region: str | None = None


@registry.event("account_observed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountObserved:
    """A platform account was seen, for the first time or looking different."""

    account_id: UUID
    platform: str
    platform_user_id: Annotated[str | None, Personal("account_id")]
    name: Annotated[str | None, Personal("account_id")]
    profile: Profile | None


@registry.event("brand_followed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class BrandFollowed:
    """An account became a fan of one of the brand's pages, drawn by a topic."""

    account_id: UUID
    property_id: str
    platform: str
    acquired_topic: str | None
    source_content_id: str | None
    at: datetime


@registry.event("brand_unfollowed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class BrandUnfollowed:
    """An account stopped being a fan of one of the brand's pages."""

    account_id: UUID
    property_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What speaks for a link between an account and a person, from 0 to 1."""

    kind: EvidenceKind
    score: float


@registry.event("person_registered", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRegistered:
    """The brand knows that there is somebody behind some handle or order."""

    person_id: UUID
    origin: str


@registry.event("account_linked", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountLinked:
    """An account was recognised as a person's, for a stated reason."""

    account_id: UUID
    person_id: UUID
    evidence: Evidence
    rule: str


@registry.event("account_unlinked", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class AccountUnlinked:
    """An account is no longer taken for a person's."""

    account_id: UUID
    person_id: UUID
    reason: str


@registry.event("email_declared")
@dataclass(frozen=True, kw_only=True, slots=True)
class EmailDeclared:
    """A person named an e-mail address; it proves nothing about who they are."""

    email_id: UUID
    person_id: UUID
    address: Annotated[str | None, Personal("person_id")]


@registry.event("merge_proposed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MergeProposed:
    """Two persons may be one, but a rule leaves that to a reviewer."""

    proposal_id: UUID
    a: UUID
    b: UUID
    score: float
    features: Sequence[str]


@registry.event("persons_merged", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonsMerged:
    """Two persons are one from now on; what each did before stays on its own record."""

    survivor: UUID
    absorbed: UUID
    link_id: UUID
    rule: str
    approver: str | None


@registry.event("person_split", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonSplit:
    """A merge was wrong and is undone: the absorbed person has back what was theirs."""

    from_person: UUID
    to_person: UUID
    accounts: Sequence[UUID]
    undoes_link_id: UUID


@registry.event("customer_kind_changed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerKindChanged:
    """A person turned from a prospect into a customer, or was taken for one."""

    person_id: UUID
    kind: CustomerKind
    because: str


@registry.event("erasure_requested", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRequested:
    """A person wants to be forgotten; these subjects' keys are to be destroyed everywhere."""

    request_id: UUID
    person_id: UUID
    subjects: Sequence[str]
    requested_at: datetime


@registry.event("erasure_acknowledged")
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureAcknowledged:
    """One service can no longer read anything personal of the subjects."""

    request_id: UUID
    service: str


@registry.event("erasure_escalated", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureEscalated:
    """Some services have not forgotten a person in time; somebody has to look."""

    request_id: UUID
    missing: Sequence[str]
    due_at: datetime


@registry.event("person_erased", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonErased:
    """Every service has forgotten the person."""

    request_id: UUID
    person_id: UUID


TenantEvent = TenantCreated | TenantRevised | TenantQuotasSet
AccountEvent = AccountObserved | BrandFollowed | BrandUnfollowed
PersonEvent = (
    PersonRegistered
    | AccountLinked
    | AccountUnlinked
    | EmailDeclared
    | MergeProposed
    | PersonsMerged
    | PersonSplit
    | CustomerKindChanged
    | ErasureRequested
    | PersonErased
)
ErasureEvent = ErasureAcknowledged | ErasureEscalated
