"""What commerce records about the company's own stores."""

from dataclasses import dataclass

from commerce.events import registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A point on the map, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """When a store is open on one weekday, in its own zone.

    Args:
        weekday: 1 for Monday to 7 for Sunday.
        opens: As ``10:00``.
        closes: As ``21:00``; at or before ``opens`` it is a time of the next day.
    """

    weekday: int
    opens: str
    closes: str


@registry.event("store_described", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class StoreDescribed:
    """A store is there for buyers; its stock is the location of the same name."""

    store_id: str
    name: str
    address: str
    region: str
    position: Spot
    zone: str
    hours: tuple[Hours, ...]


StoreEvent = StoreDescribed
