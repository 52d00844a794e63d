"""What commerce records about who its shoppers are."""

from dataclasses import dataclass

from commerce.events import registry


@registry.event("buyer_linked", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class BuyerLinked:
    """A visitor of the storefront is a person: what one bought, the other bought."""

    visitor: str
    person_id: str
