"""Product: what is in the catalogue, and at which price when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from chassis.money import Money
from commerce.events import OfferPriced, OffersWithdrawn, ProductEvent, ProductListed

# An order of 50 lines with 100,000 pieces each must still fit a 64-bit integer.
HIGHEST_PRICE = 100_000_000_000


class ProductUnknown(NotFound):
    """There is no such product in the catalogue."""

    code = "product_unknown"


class ListedDifferently(Rejected):
    """The catalogue has another title under this number."""

    code = "listed_differently"


class UnusablePrice(Rejected):
    """List and sale price must be of one currency, above zero, the sale price not the higher."""

    code = "unusable_price"
    status = 422
    requirement = "Z30"


class UnusablePeriod(Rejected):
    """An offer must end after it began."""

    code = "unusable_period"
    status = 422


class NotOffered(Rejected):
    """The product has no price at this moment."""

    code = "not_offered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A price and when it holds."""

    list: Money
    sale: Money
    valid_from: datetime
    valid_to: datetime | None
    per_person: int | None

    def holds(self, at: datetime) -> bool:
        """Say whether one can buy at this price at a moment."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """The offers before it hold no more from a moment on."""

    at: datetime

    def holds(self, at: datetime) -> bool:
        """Say whether the product is off sale at a moment, unless it was offered anew."""
        return self.at <= at


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """A product's title and every price it was ever given, the newest last."""

    title: str | None = None
    offers: tuple[Offer | Withdrawn, ...] = ()

    def offer_at(self, at: datetime) -> Offer:
        """Return the newest price that holds at a moment.

        Raises:
            ProductUnknown: it is not in the catalogue.
            NotOffered: no price holds then.
        """
        if self.title is None:
            raise ProductUnknown("There is no such product.")
        offer = self._newest(at)
        if offer is None:
            raise NotOffered("The product is not for sale now.")
        return offer

    def coming(self, now: datetime) -> tuple[Offer, ...]:
        """Return the prices that will hold from a later moment on, the next first."""
        later = (each for each in self.offers if isinstance(each, Offer) and each.valid_from > now)
        kept = [offer for offer in later if self._newest(offer.valid_from) is offer]
        return tuple(sorted(kept, key=lambda offer: offer.valid_from))

    def _newest(self, at: datetime) -> Offer | None:
        held = [offer for offer in self.offers if offer.holds(at)]
        return held[-1] if held and isinstance(held[-1], Offer) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListProduct:
    """Put a product into the catalogue."""

    sku: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceOffer:
    """Offer a product at a price."""

    sku: str
    offer: Offer


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdraw:
    """Take a product off sale, whatever was offered until now."""

    sku: str
    at: datetime


ProductCommand = ListProduct | PriceOffer | Withdraw


def decide(product: Product, command: ProductCommand) -> Sequence[ProductEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case ListProduct():
            return _list(product, command)
        case PriceOffer():
            return _price(product, command)
        case Withdraw():
            return _withdraw(product, command)
        case _:
            assert_never(command)


def evolve(product: Product, event: ProductEvent) -> Product:
    """Apply one fact."""
    match event:
        case ProductListed():
            return replace(product, title=event.title)
        case OfferPriced():
            return replace(product, offers=(*product.offers, _offer_of(event)))
        case OffersWithdrawn():
            return replace(product, offers=(*product.offers, Withdrawn(at=event.at)))
        case _:
            assert_never(event)


def _list(product: Product, command: ListProduct) -> Sequence[ProductEvent]:
    if product.title is None:
        return [ProductListed(sku=command.sku, title=command.title)]
    if product.title != command.title:
        raise ListedDifferently(f"It is listed as {product.title}.")
    return []


def _price(product: Product, command: PriceOffer) -> Sequence[ProductEvent]:
    offer = command.offer
    if product.title is None:
        raise ProductUnknown("List the product first.")
    in_order = 0 < offer.sale.amount <= offer.list.amount <= HIGHEST_PRICE
    if offer.list.currency != offer.sale.currency or not in_order:
        raise UnusablePrice(f"0 < sale <= list <= {HIGHEST_PRICE}, in one currency.")
    if offer.valid_to is not None and offer.valid_to <= offer.valid_from:
        raise UnusablePeriod("The offer would end before it began.")
    if product.offers[-1:] == (offer,):
        return []
    return [
        OfferPriced(
            sku=command.sku,
            list=offer.list,
            sale=offer.sale,
            valid_from=offer.valid_from,
            valid_to=offer.valid_to,
            per_person=offer.per_person,
        )
    ]


def _withdraw(product: Product, command: Withdraw) -> Sequence[ProductEvent]:
    if product.title is None:
        raise ProductUnknown("There is no such product.")
    if not product.offers or isinstance(product.offers[-1], Withdrawn):
        return []
    return [OffersWithdrawn(sku=command.sku, at=command.at)]


def _offer_of(event: OfferPriced) -> Offer:
    return Offer(
        list=event.list,
        sale=event.sale,
        valid_from=event.valid_from,
        valid_to=event.valid_to,
        per_person=event.per_person,
    )


PRODUCT: Decider[Product, ProductCommand, ProductEvent] = Decider(
    category="product", initial=Product(), decide=decide, evolve=evolve
)
