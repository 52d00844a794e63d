"""What commerce is asked about counts of its stock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from marshmallow import ValidationError, validate

from commerce.messages import Sku
from commerce.stock import ONLINE

Reason = Literal["counted", "lost", "damaged", "found"]
MOST = 100_000


class Changing(validate.Validator):
    """A number of pieces by which a count changes, up or down."""

    def __call__(self, value: int) -> int:
        """Return the number; raises ValidationError."""
        if not 0 < abs(value) <= MOST:
            raise ValidationError(f"At least 1 and at most {MOST}, up or down.")
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class AdjustmentRequest:
    """A count that was wrong, or goods that cannot be sold any more.

    Args:
        qty: How many more there are; below zero: how many fewer.
        reason: ``lost`` and ``damaged`` goods are fewer, ``found`` ones more, ``counted`` either.
    """

    sku: Sku
    location: Sku = ONLINE
    qty: Annotated[int, Changing()]
    reason: Reason
    occurred_at: datetime | None = None
