"""Where journeys happen: which goods a tenant offers, where they lie, whose page it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from sixfold.client import Client

MAIN = "main"
_PAGE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Storefront:
    """One tenant's shop.

    Args:
        goods: Stock keeping units on offer; journeys do not say which were bought.
        location: Where its goods are taken from.
        property_id: The name of the shop as a page that people follow.
        brand: To whom support chats are addressed; None where the tenant has but one brand.
    """

    goods: tuple[str, ...]
    location: str
    property_id: str
    brand: str | None = None


def storefront_of(
    commerce: Client, tenant: str, *, location: str = MAIN, brand: str | None = None
) -> Storefront:
    """Return a tenant's shop with the goods that it offers now."""
    return Storefront(
        goods=tuple(_goods(commerce)),
        location=location,
        property_id=f"{tenant}-shop",
        brand=brand,
    )


def _goods(commerce: Client) -> Iterator[str]:
    query: dict[str, object] = {"limit": _PAGE}
    while True:
        page = commerce.get("/v1/products", **query)
        yield from (product["sku"] for product in page["products"] if product["sale"])
        if not page["next"]:
            return
        query["cursor"] = page["next"]
