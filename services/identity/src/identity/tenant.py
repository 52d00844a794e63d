"""The tenant: one company, with the zone, currency and calendar that its numbers are read in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, assert_never

from babel.core import get_global

from chassis.clock import is_zone
from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from chassis.money import in_use
from chassis.quotas.limits import BY_NAME, STORED, NamedLimit
from identity.events import TenantCreated, TenantEvent, TenantQuotasSet, TenantRevised


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How a tenant is served."""

    name: str
    zone: str
    currency: str
    country: str
    calendar: str
    retention_days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateTenant:
    """Take a company in."""

    tenant_id: str
    terms: Terms


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviseTenant:
    """Serve a company on other terms."""

    tenant_id: str
    terms: Terms


@dataclass(frozen=True, kw_only=True, slots=True)
class SetTenantQuotas:
    """Say how much a company may do; what was said before no longer counts."""

    tenant_id: str
    limits: Sequence[NamedLimit]
    reason: str


TenantCommand = CreateTenant | ReviseTenant | SetTenantQuotas

KNOWN_QUOTAS = frozenset({*BY_NAME, STORED, "watches", "contents", "products"})
"""What the services limit; a name that none of them knows would limit nothing."""


class TenantExists(Rejected):
    """There is a tenant of this id already, on other terms."""

    code = "tenant_exists"


class TenantUnknown(NotFound):
    """There is no such tenant."""

    code = "tenant_unknown"


class ZoneUnknown(Rejected):
    """The zone is not one of the IANA time zones."""

    code = "zone_unknown"
    status = 422


class CurrencyUnknown(Rejected):
    """The currency is not one of ISO 4217."""

    code = "currency_unknown"
    status = 422


class CountryUnknown(Rejected):
    """The country or calendar is not one of ISO 3166."""

    code = "country_unknown"
    status = 422


class QuotaUnknown(Rejected):
    """There is no quota of this name, or it is named twice."""

    code = "quota_unknown"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenant:
    """The terms in force, None before the tenant exists; the quotas, None while none are set."""

    terms: Terms | None = None
    quotas: Sequence[NamedLimit] | None = None


def decide(tenant: Tenant, command: TenantCommand) -> Sequence[TenantEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case CreateTenant():
            return _create(tenant, command)
        case ReviseTenant():
            return _revise(tenant, command)
        case SetTenantQuotas():
            return _set_quotas(tenant, command)
        case _:
            assert_never(command)


def evolve(tenant: Tenant, event: TenantEvent) -> Tenant:
    """Apply one fact."""
    match event:
        case TenantCreated() | TenantRevised():
            return replace(
                tenant,
                terms=Terms(
                    name=event.name,
                    zone=event.zone,
                    currency=event.currency,
                    country=event.country,
                    calendar=event.calendar,
                    retention_days=event.retention_days,
                ),
            )
        case TenantQuotasSet():
            return replace(tenant, quotas=tuple(event.limits))
        case _:
            assert_never(event)


def _create(tenant: Tenant, command: CreateTenant) -> Sequence[TenantEvent]:
    if tenant.terms == command.terms:
        return []
    if tenant.terms is not None:
        raise TenantExists(command.tenant_id)
    _check(command.terms)
    return [TenantCreated(tenant_id=command.tenant_id, **_fields(command.terms))]


def _revise(tenant: Tenant, command: ReviseTenant) -> Sequence[TenantEvent]:
    if tenant.terms is None:
        raise TenantUnknown(command.tenant_id)
    if tenant.terms == command.terms:
        return []
    _check(command.terms)
    revised = TenantRevised(tenant_id=command.tenant_id, **_fields(command.terms))
    if tenant.quotas is None or tenant.terms.zone == command.terms.zone:
        return [revised]
    # Whoever counts days has to know where they begin from now on.
    moved = TenantQuotasSet(
        tenant_id=command.tenant_id,
        zone=command.terms.zone,
        limits=tenant.quotas,
        reason="the tenant's zone changed",
    )
    return [revised, moved]


def _set_quotas(tenant: Tenant, command: SetTenantQuotas) -> Sequence[TenantEvent]:
    if tenant.terms is None:
        raise TenantUnknown(command.tenant_id)
    names = [one.name for one in command.limits]
    wrong = sorted({n for n in names if n not in KNOWN_QUOTAS or names.count(n) > 1})
    if wrong:
        raise QuotaUnknown(", ".join(wrong))
    limits = tuple(sorted(command.limits, key=lambda one: one.name))
    if limits == tenant.quotas:
        return []
    return [
        TenantQuotasSet(
            tenant_id=command.tenant_id,
            zone=tenant.terms.zone,
            limits=limits,
            reason=command.reason,
        )
    ]


def _check(terms: Terms) -> None:
    if not is_zone(terms.zone):
        raise ZoneUnknown(terms.zone)
    if not in_use(terms.currency):
        raise CurrencyUnknown(terms.currency)
    for country in (terms.country, terms.calendar):
        if country not in _countries():
            raise CountryUnknown(country)


@cache
def _countries() -> frozenset[str]:
    return frozenset(get_global("territory_languages"))


def _fields(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Terms.__slots__}


TENANT = Decider(category="tenant", initial=Tenant(), decide=decide, evolve=evolve)
