"""What a number is: a name, a formula, the rows it is made of, and how they become a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Literal

from ibis.expr.types import Table

from loop.reading import BILLION

Stage = Literal["listen", "segment", "content", "ad", "crm", "commerce", "feedback"]
STAGES: tuple[Stage, ...] = (
    "listen", "segment", "content", "ad", "crm", "commerce", "feedback",
)  # fmt: skip
Sums = Mapping[tuple[str, str], int]
Shape = Callable[[Sums], Any]
_PLACES = Decimal("0.000000001")
_Z = Decimal("1.959963984540054")


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """One number of one stage.

    Args:
        name: As in addresses and outputs.
        title: As people read it.
        unit: Of the value, or of each of its entries.
        formula: What is computed, in words that can be checked.
        rows: What it is made of, in the form of ``relations.made_of``.
        shape: Turns the sums by (key, part) into the value.
        stock: Counts everything up to a cycle's end instead of what fell into it.
        money: The entries are minor units of the currency that is their key.
    """

    name: str
    stage: Stage
    title: str
    unit: str
    formula: str
    rows: Callable[[], Table]
    shape: Shape
    stock: bool = False
    money: bool = False


def count(sums: Sums) -> int:
    """Return one whole number.

    >>> count({("", "sum"): 3})
    3
    """
    return sum(sums.values())


def by_key(sums: Sums) -> dict[str, int]:
    """Return a whole number for each key that has one."""
    return {key: sums[key, part] for key, part in sorted(sums) if sums[key, part]}


def shares(sums: Sums) -> dict[str, str]:
    """Return a number of billionths for each key, as a decimal."""
    return {key: quotient(amount, BILLION) or "0" for key, amount in by_key(sums).items()}


def ratio(sums: Sums) -> str | None:
    """Return part ``of`` over part ``all``, None while there is nothing to divide by.

    >>> ratio({("", "of"): 1, ("", "all"): 3})
    '0.333333333'
    """
    return quotient(sums.get(("", "of"), 0), sums.get(("", "all"), 0))


def ratio_by_key(sums: Sums) -> dict[str, str | None]:
    """Return a ratio for each key that occurs on either side."""
    keys = sorted({key for key, _ in sums})
    return {key: quotient(sums.get((key, "of"), 0), sums.get((key, "all"), 0)) for key in keys}


def balance(sums: Sums) -> str:
    """Return (positive - negative) over their sum, 0 while there is neither.

    >>> balance({("", "positive"): 3, ("", "negative"): 1})
    '0.500000000'
    """
    up, down = sums.get(("", "positive"), 0), sums.get(("", "negative"), 0)
    return quotient(up - down, up + down) or "0.000000000"


def wilson(sums: Sums) -> dict[str, str | None]:
    """Return a share with its 95 % Wilson interval.

    >>> wilson({("", "of"): 152, ("", "all"): 400})
    {'share': '0.380000000', 'low': '0.333787494', 'high': '0.428495456'}
    """
    of, whole = sums.get(("", "of"), 0), sums.get(("", "all"), 0)
    if not whole:
        return {"share": None, "low": None, "high": None}
    with localcontext(prec=50):
        share, square = Decimal(of) / whole, _Z * _Z
        middle = share + square / (2 * whole)
        reach = _Z * (share * (1 - share) / whole + square / (4 * whole * whole)).sqrt()
        low, high = ((middle + side * reach) / (1 + square / whole) for side in (-1, 1))
        return {"share": _rounded(share), "low": _rounded(low), "high": _rounded(high)}


def ranks(sums: Sums) -> dict[str, int | None]:
    """Return the median and the 95th percentile, by nearest rank."""
    return {rank: sums.get(("", rank)) for rank in ("p50", "p95")}


def top(limit: int) -> Shape:
    """Return a shape that keeps the largest keys; of equals the first by name."""

    def shape(sums: Sums) -> dict[str, int]:
        ordered = sorted(by_key(sums).items(), key=lambda entry: (-entry[1], entry[0]))
        return dict(ordered[:limit])

    return shape


def quotient(of: int, whole: int) -> str | None:
    """Return a quotient rounded to nine places, the same on every engine and machine."""
    if not whole:
        return None
    with localcontext(prec=50):
        return _rounded(Decimal(of) / whole)


def _rounded(value: Decimal) -> str:
    return format(value.quantize(_PLACES, rounding=ROUND_HALF_EVEN), "f")
