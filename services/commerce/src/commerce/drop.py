"""Drop: a limited sale.  Whoever comes first is served first, and nothing is sold twice."""

from collections.abc import Sequence
from typing import Any, assert_never

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from commerce.drop_admission import (
    DropLimitReached,
    call_next,
    enter,
    pieces_of,
    right_channel,
    terms_of,
)
from commerce.drop_commands import (
    CallNext,
    Close,
    DropCommand,
    Enter,
    Open,
    ReturnStock,
    Schedule,
    Settle,
    Use,
)
from commerce.drop_events import (
    DropClosed,
    DropEntryBought,
    DropEntryGivenBack,
    DropEntryRevived,
    DropEntryUsed,
    DropEvent,
    DropGrantExpired,
    DropOpened,
    DropScheduled,
    DropSoldOut,
    DropStockReturned,
)
from commerce.drop_state import Drop, Entry, evolve


class DropEntryUnknown(NotFound):
    """There is no such entry."""

    code = "drop_entry_unknown"


class UnusableTerms(Rejected):
    """A drop opens before it closes, and one person's limit is at most its stock."""

    code = "unusable_drop_terms"
    status = 422


class EntryNotGranted(Rejected):
    """The entry's turn has not come."""

    code = "drop_entry_not_granted"


class EntryOver(Rejected):
    """The entry's time is over."""

    code = "drop_entry_over"


class EntryUsed(Rejected):
    """An entry is good for one order."""

    code = "drop_entry_used"


class EntryOfOther(Rejected):
    """The entry is another person's."""

    code = "drop_entry_of_other"


class OrderDiffersFromEntry(Rejected):
    """The order is for something else than the entry, or for more or less of it."""

    code = "order_differs_from_drop_entry"
    status = 422


def decide(drop: Drop, command: DropCommand) -> Sequence[DropEvent]:  # noqa: PLR0911  # one arm each
    """Turn a command into facts, or refuse it."""
    match command:
        case Schedule():
            return _schedule(drop, command)
        case Open():
            return _open(drop)
        case Enter():
            return enter(drop, command)
        case CallNext():
            return call_next(drop, command)
        case Use():
            return _use(drop, command)
        case Settle():
            return _settle(drop, command)
        case Close():
            return _close(drop)
        case ReturnStock():
            return _return_stock(drop, command)
        case _:
            assert_never(command)


def _schedule(drop: Drop, command: Schedule) -> Sequence[DropEvent]:
    if drop.scheduled is not None:
        return []
    if command.closes_at <= command.opens_at:
        raise UnusableTerms("Let it close after it opens.")
    if command.per_person > command.stock:
        raise UnusableTerms("Let one person have at most the whole stock.")
    return [
        DropScheduled(
            drop_id=command.drop_id,
            sku=command.sku,
            location=command.location,
            place=command.place,
            stock=command.stock,
            channel_exclusive=command.channel_exclusive,
            exclusive_until=command.exclusive_until,
            per_person=command.per_person,
            verified_only=command.verified_only,
            opens_at=command.opens_at,
            closes_at=command.closes_at,
            pay_within=command.pay_within,
        )
    ]


def _open(drop: Drop) -> Sequence[DropEvent]:
    terms = terms_of(drop)
    return [] if drop.opened else [DropOpened(drop_id=terms.drop_id, sku=terms.sku)]


def _use(drop: Drop, command: Use) -> Sequence[DropEvent]:
    terms = terms_of(drop)
    entry = drop.entries.get(command.entry_id)
    if entry is None:
        raise DropEntryUnknown("There is no such entry.")
    if entry.person_id not in command.standing.kin:
        raise EntryOfOther("Order as the person who entered.")
    if entry.order_id is not None:
        raise EntryUsed("Enter again for another order.")
    _still_granted(entry, command)
    if (command.sku, command.qty) != (terms.sku, entry.qty):
        raise OrderDiffersFromEntry(f"Order {entry.qty} of {terms.sku}, and nothing else.")
    right_channel(terms, command.platform, command)
    ordered = max(held.ordered for held in pieces_of(drop, command.standing))
    if ordered + entry.qty > terms.per_person:
        raise DropLimitReached(f"One person may have {terms.per_person}.")
    return [
        DropEntryUsed(
            drop_id=terms.drop_id,
            entry_id=entry.entry_id,
            qty=entry.qty,
            order_id=command.order_id,
        )
    ]


def _still_granted(entry: Entry, command: Use) -> None:
    if entry.status == "waiting":
        raise EntryNotGranted("Wait until it is your turn.")
    if entry.status != "granted" or entry.pay_until is None or command.at >= entry.pay_until:
        raise EntryOver("Enter again.")


def _settle(drop: Drop, command: Settle) -> Sequence[DropEvent]:  # noqa: PLR0911  # one arm each
    entry = drop.entries.get(command.entry_id)
    if entry is None:
        return []
    match command.outcome, entry.status:
        case "none", "granted" if entry.pay_until is not None and command.at >= entry.pay_until:
            drop_id = terms_of(drop).drop_id
            return [DropGrantExpired(drop_id=drop_id, entry_id=entry.entry_id, qty=entry.qty)]
        case "open", "given_back":
            return [DropEntryRevived(**_ordered(drop, entry))]
        case "stands", "used":
            return _bought(drop, entry)
        case "stands", "given_back":
            return [DropEntryRevived(**_ordered(drop, entry)), *_bought(drop, entry)]
        case "failed", "used" | "bought" as was:
            bought = was == "bought"
            about = _ordered(drop, entry)
            return [DropEntryGivenBack(**about, bought=bought, reason=command.reason)]
        case _:
            return []


def _bought(drop: Drop, entry: Entry) -> Sequence[DropEvent]:
    terms = terms_of(drop)
    bought = DropEntryBought(**_ordered(drop, entry))
    if drop.sold_out or drop.sold + entry.qty < terms.stock:
        return [bought]
    return [bought, DropSoldOut(drop_id=terms.drop_id, sku=terms.sku, stock=terms.stock)]


def _ordered(drop: Drop, entry: Entry) -> dict[str, Any]:
    return {
        "drop_id": terms_of(drop).drop_id,
        "entry_id": entry.entry_id,
        "qty": entry.qty,
        "order_id": entry.order_id,
    }


def _close(drop: Drop) -> Sequence[DropEvent]:
    terms = terms_of(drop)
    if drop.closed:
        return []
    return [DropClosed(drop_id=terms.drop_id, sku=terms.sku, sold=drop.sold)]


def _return_stock(drop: Drop, command: ReturnStock) -> Sequence[DropEvent]:
    terms = terms_of(drop)
    return [
        DropStockReturned(
            drop_id=terms.drop_id, sku=terms.sku, location=terms.location, qty=command.qty
        )
    ]


DROP: Decider[Drop, DropCommand, DropEvent] = Decider(
    category="drop", initial=Drop(), decide=decide, evolve=evolve, hot=True
)
