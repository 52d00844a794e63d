"""Read what a marketplace's message says, and turn its decimals into minor units.

Everything here is pure, and meets whatever bytes somebody sends.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from chassis import schemas
from chassis.errors import Invalid
from chassis.money import Money
from commerce.messages import MOST_LINES
from commerce.trade_messages import Content, ContentLine

CURRENCY = "CNY"
_THERE = ZoneInfo("Asia/Shanghai")
_NUMBERS = ("tid", "oid", "refund_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """So many pieces of one outer product, at what one of them costs in minor units."""

    outer_id: str
    qty: int
    price: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a message says.

    Args:
        pieces: What was bought; nothing where the message doesn't say.
        payment: What the buyer pays for all of it, in minor units.
    """

    content: Content
    pieces: tuple[Piece, ...] = ()
    payment: int | None = None
    refund: int | None = None


def read(text: str) -> Told:
    """Return what a message's content says; raises Invalid."""
    document = _object(text)
    content = schemas.load(Content, document, tolerant=True)
    lines = [schemas.load(ContentLine, line, tolerant=True) for line in _lines(document)]
    payment = minor(content.payment) if content.payment is not None else None
    return Told(
        content=content,
        pieces=tuple(_pieces(lines, payment)),
        payment=payment,
        refund=minor(content.refund_fee) if content.refund_fee is not None else None,
    )


def minor(amount: str) -> int:
    """Return an amount in minor units, exactly, as ``AMOUNT`` lets it through.

    >>> minor("149"), minor("149.5"), minor("0.07")
    (14900, 14950, 7)
    """
    return Money.of_decimal(amount, CURRENCY).amount


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total by weights without losing a unit: the largest remainders get one more.

    >>> allocate(100, [1, 1, 1]), allocate(5, [0, 0]), allocate(0, [3])
    ([34, 33, 33], [3, 2], [0])
    """
    shares = weights if sum(weights) else [1] * len(weights)
    whole = sum(shares)
    parts = [total * share // whole for share in shares]
    remainders = [total * share % whole for share in shares]
    order = sorted(range(len(shares)), key=lambda place: (-remainders[place], place))
    for place in order[: total - sum(parts)]:
        parts[place] += 1
    return parts


def moment_there(text: str | None) -> datetime | None:
    """Return a moment that is written as on a clock in China; None for what is no moment.

    >>> moment_there("2026-05-06 10:00:00").isoformat(), moment_there("yesterday")
    ('2026-05-06T02:00:00+00:00', None)
    """
    try:
        written = datetime.strptime(text or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=_THERE)
        return written.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid({"content": ["Not a JSON object."]}) from error
    if not isinstance(document, dict):
        raise Invalid({"content": ["Not a JSON object."]})
    said = {key: value for key, value in document.items() if value != ""}
    return {key: _text(value) if key in _NUMBERS else value for key, value in said.items()}


def _text(value: Any) -> Any:
    """Return a number that is too long for some JSON readers as the text that others send."""
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**32
    return f"{value:d}" if number else value


def _lines(document: Mapping[str, Any]) -> Sequence[Any]:
    """Return the sub-orders: a list, or a list in an object, as the trade API gives them."""
    found = document.get("orders")
    lines = found.get("order") if isinstance(found, dict) else found
    if lines is None:
        return ()
    if not isinstance(lines, list) or len(lines) > MOST_LINES:
        raise Invalid({"orders": [f"A list of at most {MOST_LINES} sub-orders."]})
    return lines


def _pieces(lines: Sequence[ContentLine], payment: int | None) -> Iterator[Piece]:
    """Spread what was paid over the lines, then over the pieces, so that their sum is exact."""
    paid = [_paid(line) for line in lines]
    for line, total in zip(
        lines, paid if payment is None else allocate(payment, paid), strict=True
    ):
        outer_id = line.outer_sku_id or line.outer_iid
        if outer_id is None:
            raise Invalid({"orders": ["A sub-order without the seller's own code."]})
        price, dearer = divmod(total, line.num)
        for qty, each in ((dearer, price + 1), (line.num - dearer, price)):
            if qty:
                yield Piece(outer_id=outer_id, qty=qty, price=each)


def _paid(line: ContentLine) -> int:
    whole = line.divide_order_fee or line.payment
    if whole is not None:
        return minor(whole)
    if line.price is None:
        raise Invalid({"orders": ["A sub-order without a price."]})
    return minor(line.price) * line.num
