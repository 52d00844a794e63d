"""Orders, products and parcels: the rules of each by itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis import schemas
from chassis.events import lift
from chassis.money import Money
from chassis.testing.scenario import Scenario
from commerce import examples
from commerce.events import ProductEvent, registry
from commerce.fulfilment import (
    FULFILMENT,
    AlreadyDelivered,
    Deliver,
    Fail,
    MoreThanShipped,
    NotAwaitingShipment,
    NothingToFulfil,
    NotUnderWay,
    Return,
    ShipParcel,
)
from commerce.order import (
    ORDER,
    AlreadyConfirmed,
    CallOff,
    CancelOrder,
    ConfirmOrder,
    ExpireOrder,
    GoodsDiffer,
    NothingOrdered,
    Order,
    OrderCommand,
    OrderKeyReused,
    OrderTooLarge,
    OrderWithdrawn,
    PlaceOrder,
    PriceStands,
    RepriceOrder,
    SeveralCurrencies,
)
from commerce.order_events import FulfilmentEvent, OrderEvent, OrderLine, ReturnedLine
from commerce.product import (
    PRODUCT,
    ListedDifferently,
    ListProduct,
    NotOffered,
    Offer,
    PriceOffer,
    Product,
    ProductCommand,
    UnusablePeriod,
    UnusablePrice,
)

PLACED, CONFIRMED = examples.ORDER_PLACED, examples.ORDER_CONFIRMED
ID = examples.ORDER_ID
OFFER = Offer(
    list=examples.LIST, sale=examples.PRICE, valid_from=examples.NOW, valid_to=None, per_person=2
)
REQUESTED, SHIPPED = examples.FULFILMENT_REQUESTED, examples.FULFILMENT_SHIPPED
ONE_BACK = Return(lines=(ReturnedLine(sku="shirt-m", qty=1),), condition="good")


def order(*history: OrderEvent) -> Scenario[Order, OrderCommand, OrderEvent]:
    return Scenario(ORDER, history)


def product(*history: ProductEvent) -> Scenario[Product, ProductCommand, ProductEvent]:
    return Scenario(PRODUCT, history)


def parcel(*history: FulfilmentEvent) -> "Scenario[object, object, FulfilmentEvent]":
    return Scenario(FULFILMENT, history)  # type: ignore[arg-type]  # the commands are checked below


def place(**changes: object) -> PlaceOrder:
    fields = {name: getattr(PLACED, name) for name in PlaceOrder.__slots__}
    return PlaceOrder(**{**fields, **changes})  # type: ignore[arg-type]  # names are PlaceOrder's


def test_an_order_adds_its_lines_up() -> None:
    """The buyer would pay another sum than the goods cost."""
    order().when(place()).then(PLACED)
    order().when(place(lines=())).then_rejected(NothingOrdered)


def test_an_order_is_no_larger_than_reports_can_add_up() -> None:
    """Some orders would add up to more than a database can count."""
    dear = replace(PLACED.lines[0], qty=100_000, price=Money(amount=10**11, currency="TWD"))
    order().when(place(lines=(dear,))).then_rejected(OrderTooLarge)


def test_one_order_is_paid_in_one_currency() -> None:
    """Dollars would be added to yuan."""
    yuan = OrderLine(sku="hat", qty=1, price=Money(amount=100, currency="CNY"))
    order().when(place(lines=(*PLACED.lines, yuan))).then_rejected(SeveralCurrencies)


def test_the_same_key_is_the_same_order() -> None:
    """A second click would order twice, or an old key change an order."""
    order(PLACED).when(place()).then_nothing()
    order(PLACED).when(place(body_hash="00")).then_rejected(OrderKeyReused)


def test_a_paid_order_is_not_cancelled() -> None:
    """The goods would leave although the sale was taken back."""
    cancel = CancelOrder(order_id=ID, by="user:1", reason="changed_my_mind")
    order(PLACED, CONFIRMED).when(cancel).then_rejected(AlreadyConfirmed)
    taken_back = replace(examples.ORDER_CANCELLED, by="user:1", reason="changed_my_mind")
    order(PLACED).when(cancel).then(taken_back)


def test_an_expired_order_can_be_cancelled_still() -> None:
    """Money that comes late would bring an order back whose buyer does not want it."""
    cancel = CancelOrder(order_id=ID, by="user:1", reason="changed_my_mind")
    taken_back = replace(examples.ORDER_CANCELLED, by="user:1", reason="changed_my_mind")
    order(PLACED, examples.ORDER_EXPIRED).when(cancel).then(taken_back)
    order(PLACED, examples.ORDER_EXPIRED, taken_back).when(cancel).then_nothing()


def test_a_cancelled_order_is_not_confirmed() -> None:
    """A buyer who cancelled would get, and pay, the goods."""
    order(PLACED, examples.ORDER_CANCELLED).when(ConfirmOrder(order_id=ID)).then_rejected(
        OrderWithdrawn
    )
    order(PLACED, examples.ORDER_EXPIRED).when(ConfirmOrder(order_id=ID)).then(CONFIRMED)


def test_a_marketplaces_unpaid_order_costs_what_its_seller_says() -> None:
    """A price would change after it was paid, or in our own shop, or be of other goods."""
    elsewhere = replace(PLACED, origin=replace(PLACED.origin, mode="marketplace"))
    repriced = examples.ORDER_REPRICED
    command = RepriceOrder(order_id=ID, lines=repriced.lines)
    order(elsewhere).when(command).then(repriced)
    order(elsewhere, repriced).when(command).then_nothing()
    order(elsewhere, examples.ORDER_EXPIRED).when(command).then(repriced)
    cheaper = replace(CONFIRMED, origin=elsewhere.origin, total=repriced.total)
    order(elsewhere, repriced).when(ConfirmOrder(order_id=ID)).then(cheaper)
    order(elsewhere, CONFIRMED).when(command).then_rejected(AlreadyConfirmed)
    order(PLACED).when(command).then_rejected(PriceStands)
    (line,) = repriced.lines
    more = RepriceOrder(order_id=ID, lines=(line, line))
    order(elsewhere).when(more).then_rejected(GoodsDiffer)


def test_a_sale_that_stands_does_not_expire_but_can_be_called_off() -> None:
    """A timer that is late would undo a paid order."""
    order(PLACED, CONFIRMED).when(ExpireOrder(order_id=ID)).then_nothing()
    call_off = CallOff(order_id=ID, reason="out_of_stock")
    order(PLACED, CONFIRMED).when(call_off).then(examples.ORDER_CANCELLED)
    order(PLACED, examples.ORDER_EXPIRED).when(call_off).then_nothing()


@pytest.mark.parametrize(
    ("listed", "sale"),
    [
        (Money(amount=100, currency="TWD"), Money(amount=101, currency="TWD")),
        (Money(amount=100, currency="TWD"), Money(amount=0, currency="TWD")),
        (Money(amount=100, currency="TWD"), Money(amount=90, currency="USD")),
        (Money(amount=10**12, currency="TWD"), Money(amount=90, currency="TWD")),
    ],
)
def test_a_price_that_cannot_be_is_refused(listed: Money, sale: Money) -> None:
    """A product would be sold dearer than its list price, for nothing, or in two currencies."""
    offer = replace(OFFER, list=listed, sale=sale)
    command = PriceOffer(sku="shirt-m", offer=offer)
    product(examples.PRODUCT_LISTED).when(command).then_rejected(UnusablePrice)


def test_the_newest_price_that_holds_counts() -> None:
    """The buyer would pay yesterday's or tomorrow's price."""
    tomorrow = replace(
        examples.OFFER_PRICED, valid_from=examples.NOW + timedelta(days=1), sale=examples.LIST
    )
    state = PRODUCT.fold([examples.PRODUCT_LISTED, examples.OFFER_PRICED, tomorrow])

    assert state.offer_at(examples.NOW).sale == examples.PRICE
    assert state.offer_at(examples.NOW + timedelta(days=1)).sale == examples.LIST
    with pytest.raises(NotOffered):
        state.offer_at(examples.NOW - timedelta(microseconds=1))


def test_listing_again_changes_nothing_or_is_refused() -> None:
    """One number would stand for two products."""
    again = ListProduct(sku="shirt-m", title="A linen shirt")
    product(examples.PRODUCT_LISTED).when(again).then_nothing()
    product(examples.PRODUCT_LISTED).when(replace(again, title="A hat")).then_rejected(
        ListedDifferently
    )
    offer = PriceOffer(sku="shirt-m", offer=OFFER)
    product(examples.PRODUCT_LISTED, examples.OFFER_PRICED).when(offer).then_nothing()
    never = PriceOffer(sku="shirt-m", offer=replace(OFFER, valid_to=OFFER.valid_from))
    product(examples.PRODUCT_LISTED).when(never).then_rejected(UnusablePeriod)


def test_a_parcel_leaves_once_and_arrives_after_it_left() -> None:
    """The buyer would be told of a parcel that nobody sent."""
    ship = ShipParcel(carrier="post", no="RR123456785TW")
    parcel().when(ship).then_rejected(NothingToFulfil)
    parcel(REQUESTED).when(ship).then(SHIPPED)
    parcel(REQUESTED, SHIPPED).when(ship).then_rejected(NotAwaitingShipment)
    parcel(REQUESTED).when(Deliver()).then_rejected(NotUnderWay)
    parcel(REQUESTED, SHIPPED).when(Deliver()).then(examples.FULFILMENT_DELIVERED)


def test_a_delivered_parcel_does_not_fail() -> None:
    """The buyer would keep the goods and get the money back."""
    fail = Fail(reason="address_unknown")
    parcel(REQUESTED, SHIPPED).when(fail).then(examples.FULFILMENT_FAILED)
    delivered = (REQUESTED, SHIPPED, examples.FULFILMENT_DELIVERED)
    parcel(*delivered).when(fail).then_rejected(AlreadyDelivered)


def test_goods_that_leave_although_they_were_called_off_are_known_to_have_left() -> None:
    """Nobody would ask for what the buyer has together with the money, or take it back."""
    failed = replace(examples.FULFILMENT_FAILED, shipped=False)
    ship = ShipParcel(carrier="post", no="RR123456785TW")
    went_on = examples.FULFILMENT_WENT_ON
    parcel(REQUESTED, failed).when(Deliver()).then_rejected(NotUnderWay)
    parcel(REQUESTED, failed).when(ship).then(SHIPPED, went_on)
    parcel(REQUESTED, failed, SHIPPED, went_on).when(ship).then_rejected(NotAwaitingShipment)
    parcel(REQUESTED, failed, SHIPPED, went_on).when(ONE_BACK).then(examples.RETURN_RECEIVED)
    lost = (REQUESTED, SHIPPED, examples.FULFILMENT_FAILED)
    parcel(*lost).when(Deliver()).then(examples.FULFILMENT_DELIVERED, went_on)


def test_no_more_comes_back_than_was_sent() -> None:
    """Refunds would be paid for goods that were never sent."""
    parcel(REQUESTED).when(ONE_BACK).then_rejected(MoreThanShipped)
    back = examples.RETURN_RECEIVED
    parcel(REQUESTED, SHIPPED).when(ONE_BACK).then(back)
    parcel(REQUESTED, SHIPPED, back, back).when(ONE_BACK).then_rejected(MoreThanShipped)


def test_an_order_of_the_first_version_is_read() -> None:
    """A log from before limited sales could not be replayed."""
    old = schemas.dump(PLACED)
    for field in ("drop_entry", "coupon", "external_ref"):
        del old[field]
    for line in old["lines"]:
        del line["promotion"]
    kind = registry.kind("order_placed")

    assert lift(kind, 1, old) == schemas.dump(PLACED)
