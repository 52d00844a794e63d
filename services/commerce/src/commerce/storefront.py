"""Storefront: how a company's shop is called and where it stands; and where its parcels go."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.decider import Decider
from commerce.shop_events import ParcelAddressed, StorefrontDescribed


@dataclass(frozen=True, kw_only=True, slots=True)
class Storefront:
    """A company's shop; it has one stream, called after what it is."""

    described: StorefrontDescribed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribeStorefront:
    """Name a shop, and say whether it stands in the shared mall."""

    name: str
    in_shared_mall: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """Where an order's goods go, if anybody said."""

    addressed: ParcelAddressed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressParcel:
    """Say where an order's goods shall go."""

    order_id: UUID
    person_id: str
    name: str
    phone: str
    address: str


def decide(front: Storefront, command: DescribeStorefront) -> Sequence[StorefrontDescribed]:
    """Turn a command into facts."""
    described = StorefrontDescribed(name=command.name, in_shared_mall=command.in_shared_mall)
    return [] if front.described == described else [described]


def evolve(_: Storefront, event: StorefrontDescribed) -> Storefront:
    """Apply one fact."""
    return Storefront(described=event)


def _address(parcel: Parcel, command: AddressParcel) -> Sequence[ParcelAddressed]:
    addressed = ParcelAddressed(
        order_id=command.order_id,
        person_id=command.person_id,
        name=command.name,
        phone=command.phone,
        address=command.address,
    )
    return [] if parcel.addressed == addressed else [addressed]


def _addressed(_: Parcel, event: ParcelAddressed) -> Parcel:
    return Parcel(addressed=event)


STOREFRONT: Decider[Storefront, DescribeStorefront, StorefrontDescribed] = Decider(
    category="storefront", initial=Storefront(), decide=decide, evolve=evolve
)
THE_ONLY = "main"
PARCEL: Decider[Parcel, AddressParcel, ParcelAddressed] = Decider(
    category="parcel", initial=Parcel(), decide=_address, evolve=_addressed
)
