"""The location of a drop's own: where the pieces are that were set aside for it."""

from uuid import UUID

from chassis.errors import Rejected

_OWN = "drop-"


class PlaceOfDrop(Rejected):
    """The goods there are a drop's: only its entries get them."""

    code = "location_of_drop"


def place_of(drop_id: UUID) -> str:
    """Return a drop's location.

    >>> place_of(UUID(int=1))
    'drop-00000000-0000-0000-0000-000000000001'
    """
    return f"{_OWN}{drop_id}"


def drop_at(location: str) -> UUID | None:
    """Return whose location it is; None if no drop's.

    >>> drop_at("drop-00000000-0000-0000-0000-000000000001")
    UUID('00000000-0000-0000-0000-000000000001')
    >>> drop_at("main"), drop_at("drop-off")
    (None, None)
    """
    kind, of, drop_id = location.partition(_OWN)
    if kind or not of:
        return None
    try:
        return UUID(drop_id)
    except ValueError:
        return None


def not_a_drops(location: str) -> None:
    """Refuse to touch a drop's location from outside; raises PlaceOfDrop."""
    if drop_at(location) is not None:
        raise PlaceOfDrop("Name another location; enter the drop to buy from it.")
