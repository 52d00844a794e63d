"""Other services' events, as much of them as campaigns reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.money import Money
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
    """A tenant exists, with its zone and money."""

    zone: str
    currency: str
    country: str | None = None


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
    """A person wants to be forgotten, under all their ids."""

    request_id: UUID
    subjects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where an order came from; the touch is known when a tracked link led to it."""

    touch: str | None = None


@upstream.event("commerce", "order_placed", versions=(1, 2))
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced:
    """Somebody ordered; touches after this moment led to nothing."""

    order_id: str
    person_id: str


@upstream.event("commerce", "order_confirmed")
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfirmed:
    """An order is paid and certain."""

    order_id: str
    person_id: str
    total: Money
    origin: Origin | None = None


@upstream.event("commerce", "order_cancelled")
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderCancelled:
    """An order is undone as a whole."""

    order_id: str


@upstream.event("commerce", "payment_refunded")
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentRefunded:
    """Money of an order went back."""

    order_id: str
    amount: Money
