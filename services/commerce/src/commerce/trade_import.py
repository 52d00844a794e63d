"""Import what marketplaces tell: one trade becomes one order, whatever the order of the news."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from chassis.context import digest_of
from chassis.errors import NotFound, Rejected
from chassis.ids import derived_id
from chassis.lookups import pseudonym
from chassis.money import Money
from chassis.privacy import is_erased
from chassis.unit_of_work import UnitOfWork
from commerce import drop_orders, order, payment_commands, settings, trade_moves
from commerce.order import ORDER, CallOff, PlaceOrder, RepriceOrder
from commerce.order_events import OrderLine, OrderPlaced, Origin
from commerce.order_process_state import payment_of
from commerce.payment import PAYMENT, AmountDiffers
from commerce.product import PRODUCT
from commerce.stock import ONLINE
from commerce.trade import OUTER_SKU, TRADE, Note
from commerce.trade_content import CURRENCY, Piece, Told, moment_there, read
from commerce.trade_events import (
    MarketplaceMessageRefused,
    MarketplaceMessageTaken,
    MarketplaceTradeClosed,
)
from commerce.trade_messages import MarketplaceMessage
from commerce.trade_moves import TooEarly

MARKETPLACES = frozenset({"taobao", "tmall"})


class MarketplaceUnknown(NotFound):
    """We sell on no such marketplace."""

    code = "marketplace_unknown"


class OuterSkuUnknown(Rejected):
    """The marketplace sold something that is no product of ours, or is not known as one."""

    code = "outer_sku_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a trade is from."""

    marketplace: str
    shop: str
    trade_no: str

    def __str__(self) -> str:
        """Return the id of its stream."""
        return f"{self.marketplace}.{self.trade_no}"


Act = Callable[[UnitOfWork, Source, Told], None]


def order_of(tenant: str, marketplace: str, trade_no: str) -> UUID:
    """Return the one order of a trade."""
    return derived_id("marketplace trade", tenant, marketplace, trade_no)


def known(marketplace: str) -> str:
    """Return a marketplace's name.

    Raises:
        MarketplaceUnknown: we do not sell there.
    """
    if marketplace not in MARKETPLACES:
        raise MarketplaceUnknown("Name taobao or tmall.")
    return marketplace


def hear(work: UnitOfWork, marketplace: str, message: MarketplaceMessage) -> Rejected | None:
    """Do what a message says, or note why it cannot be done and return the refusal.

    A refused message keeps nothing but that note; the marketplace sends it again.

    Raises:
        MarketplaceUnknown: we do not sell there.
        Invalid: the content is not what such messages hold.
    """
    known(marketplace)
    act = _ACTS.get(message.topic)
    if act is None:
        return None  # of the many topics that there are, most are nothing to us
    told = read(message.content)
    source = Source(marketplace=marketplace, shop=message.user_nick, trade_no=told.content.tid)
    if message.id in work.load(TRADE, source).state.taken:
        return None
    what = {
        "marketplace": marketplace,
        "trade_no": source.trade_no,
        "message_id": message.id,
        "topic": message.topic,
    }
    try:
        act(work, source, told)
    except Rejected as refusal:
        if work.has_news:  # undone with the transaction; a note would keep half of it
            raise
        said = MarketplaceMessageRefused(**what, code=refusal.code, detail=str(refusal))
        work.execute(TRADE, source, Note(said=said))
        return refusal
    work.execute(TRADE, source, Note(said=MarketplaceMessageTaken(**what)))
    return None


def _created(work: UnitOfWork, source: Source, told: Told) -> None:
    if not work.load(TRADE, source).state.closed:
        _order(work, source, told)


def _paid(work: UnitOfWork, source: Source, told: Told) -> None:
    if work.load(TRADE, source).state.closed:
        return
    placed = _order(work, source, told)
    if told.payment not in {None, placed.total.amount}:
        placed = _reprice(work, source, told, placed)
    paid = payment_commands.NoteCaptured(
        callback_id=f"{source}:paid", amount=placed.total, at=work.now
    )
    work.execute(PAYMENT, payment_of(placed.order_id), paid)


def _fee_changed(work: UnitOfWork, source: Source, told: Told) -> None:
    """Take a price that the seller changed; what was paid meanwhile is the last word."""
    if work.load(TRADE, source).state.closed:
        return
    if told.payment is None or not told.pieces:
        raise TooEarly("What it costs now is not said; send the trade's details.")
    placed = _order(work, source, told)
    if not _is_paid(work, placed):
        _reprice(work, source, told, placed)


def _reprice(work: UnitOfWork, source: Source, told: Told, placed: OrderPlaced) -> OrderPlaced:
    """Let an order cost what the marketplace says, and its payment be over that.

    Raises:
        AmountDiffers: another amount was paid already.
        TooEarly: the message does not say what the goods cost.
        GoodsDiffer: it is of other goods.
    """
    if _is_paid(work, placed):
        raise AmountDiffers(f"{placed.total.amount} {placed.total.currency} was paid.")
    if not told.pieces:
        raise TooEarly("What each of the goods costs now is not said; send the trade's details.")
    lines = tuple(_line(work, source.marketplace, piece) for piece in told.pieces)
    command = RepriceOrder(order_id=placed.order_id, lines=lines)
    now = order.placed(work.execute(ORDER, placed.order_id, command).state)
    amend = payment_commands.Amend(amount=now.total)
    work.execute(PAYMENT, payment_of(now.order_id), amend)
    return now


def _is_paid(work: UnitOfWork, placed: OrderPlaced) -> bool:
    return work.load(PAYMENT, payment_of(placed.order_id)).state.promised


def _order(work: UnitOfWork, source: Source, told: Told) -> OrderPlaced:
    """Return the order of a trade; place it, with a payment that the marketplace takes."""
    order_id = order_of(work.tenant, source.marketplace, source.trade_no)
    known = work.load(ORDER, order_id).state.placed
    if known is not None:
        return known
    command = _placing(work, source, told, order_id)
    placed = order.placed(work.execute(ORDER, order_id, command).state)
    asked = payment_commands.Initiate(
        payment_id=payment_of(order_id),
        order_id=order_id,
        amount=placed.total,
        due_at=placed.payment_due_at,
    )
    work.execute(PAYMENT, payment_of(order_id), asked)
    _only_where_it_may_be_sold(work, placed)
    return placed


def _only_where_it_may_be_sold(work: UnitOfWork, placed: OrderPlaced) -> None:
    """Call an order off that a drop's exclusivity forbids: what was sold there gets no goods.

    The order stays on record, so that money that was or will be paid for it is asked back.
    """
    skus = {line.sku for line in placed.lines}
    refusal = drop_orders.exclusive_elsewhere(work, skus, placed.origin.platform, placed.placed_at)
    if refusal is not None:
        command = CallOff(order_id=placed.order_id, reason=refusal.code)
        work.execute(ORDER, placed.order_id, command)


def _placing(work: UnitOfWork, source: Source, told: Told, order_id: UUID) -> PlaceOrder:
    if not told.pieces:
        raise TooEarly("What was bought is not known yet; send the trade's details.")
    terms = settings.marketplace_terms()
    return PlaceOrder(
        order_id=order_id,
        key=str(source),
        body_hash=digest_of(work.secret, repr(told.pieces).encode()).hex(),
        person_id=_buyer(work, source, told),
        origin=Origin(platform=source.marketplace, property=source.shop, mode="marketplace"),
        lines=tuple(_line(work, source.marketplace, piece) for piece in told.pieces),
        location=ONLINE,
        placed_at=min(moment_there(told.content.created) or work.now, work.now),
        reserved_until=work.now + terms.hold,
        payment_due_at=work.now + terms.payment,
        payment_method=None,
        external_ref=source.trade_no,
    )


def _line(work: UnitOfWork, marketplace: str, piece: Piece) -> OrderLine:
    outer = f"{marketplace}.{piece.outer_id}"
    sku = work.load(OUTER_SKU, outer).state.sku or piece.outer_id
    if work.load(PRODUCT, sku).state.title is None:
        raise OuterSkuUnknown(f"Say which product {piece.outer_id} is.")
    return OrderLine(sku=sku, qty=piece.qty, price=Money(amount=piece.price, currency=CURRENCY))


def _buyer(work: UnitOfWork, source: Source, told: Told) -> str:
    """Return the account of the buyer, as every service knows it; never the buyer's name."""
    named = told.content.buyer_open_uid or told.content.buyer_nick
    if named is None:
        return f"{source.marketplace}-{source.trade_no}"
    handle, generation = f"{source.marketplace}/{named}", 0
    while True:
        # Who was forgotten and comes back is somebody new, as in identity.
        account = str(pseudonym(work.secret, work.tenant, "account", handle, generation))
        if not is_erased(work.keys, work.tenant, account):
            return account
        generation += 1


def _moving(move: trade_moves.Move) -> Act:
    """Return what is done about an order that has to be there already."""

    def act(work: UnitOfWork, source: Source, told: Told) -> None:
        if work.load(TRADE, source).state.closed:
            return
        order_id = order_of(work.tenant, source.marketplace, source.trade_no)
        placed = work.load(ORDER, order_id).state.placed
        if placed is None:
            raise TooEarly("The trade itself is not known yet.")
        move(work, str(source), placed, told)

    return act


def _shipped(work: UnitOfWork, source: Source, told: Told) -> None:
    """Note that goods left, also of a trade that is over: the shelf lacks them all the same."""
    order_id = order_of(work.tenant, source.marketplace, source.trade_no)
    placed = work.load(ORDER, order_id).state.placed
    if placed is None and work.load(TRADE, source).state.closed:
        placed = _order(work, source, told)
        trade_moves.cancel(work, placed)
    if placed is None:
        raise TooEarly("The trade itself is not known yet.")
    trade_moves.ship(work, str(source), placed, told)


def _closed(work: UnitOfWork, source: Source, told: Told) -> None:
    order_id = order_of(work.tenant, source.marketplace, source.trade_no)
    placed = work.load(ORDER, order_id).state.placed
    if placed is not None and not work.load(TRADE, source).state.closed:
        trade_moves.close(work, str(source), placed, told)
    said = MarketplaceTradeClosed(marketplace=source.marketplace, trade_no=source.trade_no)
    work.execute(TRADE, source, Note(said=said))


_ACTS: Mapping[str, Act] = {
    "taobao_trade_TradeCreate": _created,
    "taobao_trade_TradeModifyFee": _fee_changed,
    "taobao_trade_TradeBuyerPay": _paid,
    "taobao_trade_TradeSellerShip": _shipped,
    "taobao_trade_TradeSuccess": _moving(trade_moves.deliver),
    "taobao_trade_TradeClose": _closed,
    "taobao_refund_RefundCreated": _moving(trade_moves.ask_refund),
    "taobao_refund_RefundSuccess": _moving(trade_moves.refund),
}
