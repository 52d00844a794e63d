"""The bodies of requests about tenants, handles and imports, and of their answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from marshmallow import validate

from chassis.money import Currency
from chassis.quotas.limits import NamedLimit
from identity.events import Profile
from identity.fields import Country, Short
from identity.importing import RowResult
from identity.tenant import Tenant, TenantUnknown, Terms


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantBody:
    """The terms on which a company is served; its calendar is its country's unless it says so."""

    name: Short
    zone: Short
    currency: Currency
    country: Country
    calendar: Country | None = None
    retention_days: Annotated[int, validate.Range(min=1, max=36_500)] = 1095
    occurred_at: datetime | None = None

    @property
    def terms(self) -> Terms:
        """The terms, complete."""
        return Terms(
            name=self.name,
            zone=self.zone,
            currency=self.currency,
            country=self.country,
            calendar=self.calendar or self.country,
            retention_days=self.retention_days,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantView:
    """A tenant and its terms."""

    tenant_id: str
    name: str
    zone: str
    currency: str
    country: str
    calendar: str
    retention_days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitBody:
    """One quota; null is no limit, also where the installation has one."""

    name: Short
    limit: Annotated[int | None, validate.Range(min=0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotasBody:
    """How much a company may do, and why that was decided."""

    limits: Annotated[Sequence[LimitBody], validate.Length(max=100)]
    reason: Annotated[str, validate.Length(min=1, max=500)]

    @property
    def named(self) -> Sequence[NamedLimit]:
        """The limits, as the tenant keeps them."""
        return [NamedLimit(name=one.name, limit=one.limit) for one in self.limits]


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantQuotasView:
    """What an operator set for a company; null while nothing is set."""

    tenant_id: str
    zone: str
    limits: Sequence[LimitBody] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Handle:
    """An account, as its platform knows it."""

    platform: Short
    platform_user_id: Short = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowBody:
    """An account began to follow a page of the brand."""

    platform: Short
    platform_user_id: Short = field(repr=False)
    name: str | None = field(default=None, repr=False)
    profile: Profile | None = None
    property_id: Short
    topic: str | None = None
    source_content_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UnfollowBody:
    """An account no longer follows a page of the brand."""

    platform: Short
    platform_user_id: Short = field(repr=False)
    property_id: Short
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountRef:
    """The id of an account."""

    account_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountView:
    """An account that was found, and whose it is."""

    account_id: UUID
    person_id: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FunnelView:
    """How many came how far, from fan to member."""

    fans: int
    known: int
    verified: int
    consented: int
    members: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportBody:
    """Up to 500 lines of people.  Each is read by itself: a bad one spoils no other."""

    rows: Annotated[Sequence[Any], validate.Length(min=1, max=500)] = field(repr=False)
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportView:
    """What became of each line."""

    added: int
    unchanged: int
    refused: int
    rows: Sequence[RowResult]


def tenant_view(tenant_id: str, tenant: Tenant) -> TenantView:
    """Return a tenant as it is shown; raises TenantUnknown."""
    if tenant.terms is None:
        raise TenantUnknown(tenant_id)
    return TenantView(tenant_id=tenant_id, **asdict(tenant.terms))


def import_view(results: Sequence[RowResult]) -> ImportView:
    """Return what became of an import, counted."""
    counted = Counter(result.outcome for result in results)
    return ImportView(
        added=counted["added"],
        unchanged=counted["unchanged"],
        refused=counted["refused"],
        rows=results,
    )


def quotas_view(tenant_id: str, tenant: Tenant) -> TenantQuotasView:
    """Return what an operator set for a tenant; raises TenantUnknown."""
    if tenant.terms is None:
        raise TenantUnknown(tenant_id)
    limits = None
    if tenant.quotas is not None:
        limits = [LimitBody(name=one.name, limit=one.limit) for one in tenant.quotas]
    return TenantQuotasView(tenant_id=tenant_id, zone=tenant.terms.zone, limits=limits)
