"""What a marketplace's news does to an order that is there: sent, arrived, paid back, closed.

Each of these refuses before it records anything.  ``TooEarly`` stands for news that overtook
other news, or our own processes: the marketplace sends it again.
"""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from chassis.errors import Rejected
from chassis.ids import derived_id
from chassis.money import Money
from chassis.unit_of_work import UnitOfWork
from commerce import departures, fulfilment, handlers, payment_commands
from commerce.fulfilment import FULFILMENT, Fulfilment
from commerce.order import ORDER, CancelOrder
from commerce.order_events import OrderPlaced
from commerce.order_process_state import payment_of
from commerce.payment import PAYMENT, RefundTooLarge
from commerce.payment_state import Payment
from commerce.trade import TRADE, Note
from commerce.trade_content import CURRENCY, Told
from commerce.trade_events import MarketplaceRefundAsked, MarketplaceRefundMade

BY = "marketplace"
UNSETTLED = frozenset({"placed", "cancelled", "expired"})
Move = Callable[[UnitOfWork, str, OrderPlaced, Told], None]


class TooEarly(Rejected):
    """What has to come before it is not known or not done yet; send it again."""

    code = "too_early"


class NoSuchRefund(Rejected):
    """The message does not say which refund it is about, or how much."""

    code = "refund_incomplete"
    status = 422


def ship(work: UnitOfWork, trade: str, placed: OrderPlaced, told: Told) -> None:
    """Note that the shop handed a parcel over, be it of an order that was called off.

    Raises:
        TooEarly: its goods are being set aside, or its money is awaited.
    """
    goods = _goods(work, placed)
    if goods.shipped:
        return
    carrier, no = told.content.company_name or BY, told.content.out_sid
    if goods.status != "none":
        departures.ship(work, placed.order_id, carrier=carrier, no=no)
        return
    if work.load(ORDER, placed.order_id).state.status == "expired" and not _over(work, trade):
        raise TooEarly("The buyer's money is not known yet.")
    departures.note_sent(work, placed, carrier=carrier, no=no)


def _over(work: UnitOfWork, trade: str) -> bool:
    return work.load(TRADE, trade).state.closed


def deliver(work: UnitOfWork, _trade: str, placed: OrderPlaced, _told: Told) -> None:
    """Note that the buyer has the goods; raises TooEarly."""
    goods = _goods(work, placed)
    if goods.status in {"requested", "accepted"}:
        raise TooEarly("That it was sent is not known yet.")
    if goods.status == "shipped":
        handlers.deliver(work, placed.order_id)


def ask_refund(work: UnitOfWork, trade: str, placed: OrderPlaced, told: Told) -> None:
    """Note that the buyer asks for money back; raises TooEarly."""
    asked = MarketplaceRefundAsked(
        order_id=placed.order_id, refund_no=_refund_no(told), amount=_refund_amount(told)
    )
    work.execute(TRADE, trade, Note(said=asked))


def refund(work: UnitOfWork, trade: str, placed: OrderPlaced, told: Told) -> None:
    """Book money that the marketplace gave back; raises TooEarly, RefundTooLarge."""
    refund_no, amount = _refund_no(told), _refund_amount(told)
    if amount.amount == 0:
        return  # vouchers paid: no money moves
    if refund_no not in work.load(TRADE, trade).state.refunds:
        _give_back(work, trade, placed, refund_no, amount)


def close(work: UnitOfWork, trade: str, placed: OrderPlaced, _told: Told) -> None:
    """End a trade without a sale: nobody paid, or all that was paid went back.

    Raises:
        TooEarly: the order is still being carried out or taken back.
    """
    payment = work.load(PAYMENT, payment_of(placed.order_id)).state
    left = payment.captured - payment.refunded - work.load(TRADE, trade).state.toward_wanted
    if left > 0:
        _give_back(
            work, trade, placed, "closed", Money(amount=left, currency=placed.total.currency)
        )
    if payment.captured == 0:
        _cancel_unpaid(work, placed, payment)
        _keep_free_goods(work, placed)


def cancel(work: UnitOfWork, placed: OrderPlaced) -> None:
    """Take an order back whose trade was closed before it was known here."""
    _cancel_unpaid(work, placed, work.load(PAYMENT, payment_of(placed.order_id)).state)


def _cancel_unpaid(work: UnitOfWork, placed: OrderPlaced, payment: Payment) -> None:
    """Take an order back; that no money is set aside is said after it, as a provider would."""
    if work.load(ORDER, placed.order_id).state.status == "placed":
        cancel = CancelOrder(order_id=placed.order_id, by=BY, reason="closed_at_marketplace")
        work.execute(ORDER, placed.order_id, cancel)
    if payment.status == "initiated":
        payment_id = payment_of(placed.order_id)
        work.execute(PAYMENT, payment_id, payment_commands.Void())
        let_go = payment_commands.NoteVoided(
            callback_id=f"{placed.key}:closed", amount=placed.total, at=work.now
        )
        work.execute(PAYMENT, payment_id, let_go)


def _keep_free_goods(work: UnitOfWork, placed: OrderPlaced) -> None:
    """Send nothing of a trade that vouchers paid in full: there is no money to give back first."""
    if work.load(ORDER, placed.order_id).state.status == "confirmed":
        _settled(work, placed)
        _keep_goods(work, placed)


def _give_back(
    work: UnitOfWork, trade: str, placed: OrderPlaced, refund_no: str, amount: Money
) -> None:
    payment = work.load(PAYMENT, payment_of(placed.order_id)).state
    wanted = sum(payment.asked.values())
    if wanted:
        _toward_wanted(work, trade, placed, refund_no, amount)
        return
    _settled(work, placed)
    if not 0 < amount.amount <= payment.refundable:
        raise RefundTooLarge(f"{payment.refundable} can be refunded.")
    _note_made(work, trade, placed, refund_no, amount, wanted=False)
    _refund(work, placed, refund_no, amount)
    if amount.amount == payment.refundable:
        _keep_goods(work, placed)


def _toward_wanted(
    work: UnitOfWork, trade: str, placed: OrderPlaced, refund_no: str, amount: Money
) -> None:
    """Count money toward what we asked for; a marketplace refunds line by line."""
    payment_id = payment_of(placed.order_id)
    asked = work.load(PAYMENT, payment_id).state.asked
    before = work.load(TRADE, trade).state.toward_wanted
    if before + amount.amount > sum(asked.values()):
        raise RefundTooLarge(f"{sum(asked.values()) - before} is asked for.")
    _note_made(work, trade, placed, refund_no, amount, wanted=True)
    if before + amount.amount == sum(asked.values()):
        for refund_id, due in asked.items():
            _note_refunded(work, placed, refund_id, replace(amount, amount=due))


def _settled(work: UnitOfWork, placed: OrderPlaced) -> None:
    """Let money that nobody asked for wait until the order process has decided by itself."""
    goods = work.load(FULFILMENT, placed.order_id).state
    status = work.load(ORDER, placed.order_id).state.status
    if status in UNSETTLED or goods.status in {"none", "failed"}:
        raise TooEarly("The order is still being carried out, or taken back.")


def _keep_goods(work: UnitOfWork, placed: OrderPlaced) -> None:
    """Send nothing to a buyer who has all the money back."""
    goods = work.load(FULFILMENT, placed.order_id).state
    if goods.status in {"requested", "accepted"}:
        work.execute(FULFILMENT, placed.order_id, fulfilment.Fail(reason="refunded_at_marketplace"))


def _note_made(
    work: UnitOfWork,
    trade: str,
    placed: OrderPlaced,
    refund_no: str,
    amount: Money,
    *,
    wanted: bool,
) -> None:
    made = MarketplaceRefundMade(
        order_id=placed.order_id, refund_no=refund_no, amount=amount, wanted=wanted
    )
    work.execute(TRADE, trade, Note(said=made))


def _refund(work: UnitOfWork, placed: OrderPlaced, refund_no: str, amount: Money) -> None:
    payment_id = payment_of(placed.order_id)
    refund_id = derived_id(payment_id, BY, refund_no)
    command = payment_commands.Refund(refund_id=refund_id, amount=amount.amount, reason=BY)
    work.execute(PAYMENT, payment_id, command)
    _note_refunded(work, placed, refund_id, amount)


def _note_refunded(work: UnitOfWork, placed: OrderPlaced, refund_id: UUID, amount: Money) -> None:
    answer = payment_commands.NoteRefunded(
        callback_id=f"{placed.key}:{refund_id}", amount=amount, at=work.now, refund_id=refund_id
    )
    work.execute(PAYMENT, payment_of(placed.order_id), answer)


def _goods(work: UnitOfWork, placed: OrderPlaced) -> Fulfilment:
    """Return how far an order's goods are; raises TooEarly while they are being set aside."""
    goods = work.load(FULFILMENT, placed.order_id).state
    status = work.load(ORDER, placed.order_id).state.status
    if goods.status == "none" and status not in {"cancelled", "expired"}:
        raise TooEarly("The order is not ready to be sent yet.")
    return goods


def _refund_no(told: Told) -> str:
    if told.content.refund_id is None:
        raise NoSuchRefund("A refund has a number and an amount.")
    return told.content.refund_id


def _refund_amount(told: Told) -> Money:
    if told.refund is None:
        raise NoSuchRefund("A refund has a number and an amount.")
    return Money(amount=told.refund, currency=CURRENCY)
