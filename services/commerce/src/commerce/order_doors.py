"""Which orders come in by which door: what changed hands elsewhere is told, and not ordered."""

from collections.abc import Mapping

from chassis.errors import Rejected
from commerce.order_events import Mode, Origin

_DOORS: Mapping[Mode, str] = {
    "store": "Tell what a till sold at /v1/stores/<store_id>/purchases.",
    "marketplace": "Hand a marketplace's messages in at its own address, which it signs.",
}


class OtherDoor(Rejected):
    """Orders of this origin have a door of their own, where their money and goods are told of."""

    code = "other_door"
    status = 422
    requirement = "Z27"


def ordered_here(origin: Origin) -> None:
    """Refuse an origin whose money and goods we never ask for; raises OtherDoor.

    A store's order is taken for paid and carried home, a marketplace's for paid there: ordered
    here it would wait for ever, and hold what others could buy.
    """
    if origin.mode in _DOORS:
        raise OtherDoor(_DOORS[origin.mode])
