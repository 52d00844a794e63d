"""What commerce is asked about who its shoppers are, and what it answers."""

from dataclasses import dataclass
from typing import Annotated, Literal

from chassis.schemas import Whole

Visitor = Annotated[
    str, Whole(r"^visitor-[0-9a-f]{32}$", error="A buyer's number as the storefront shows it.")
]
Person = Annotated[
    str,
    Whole(
        r"^(?!visitor-|phone-|walk-in-)[\x21-\x7e]{1,100}$",
        error="A person or an account; no visitor, no phone.",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuyerLink:
    """A visitor of the storefront, and the person or account that they have shown to be."""

    visitor: Visitor
    person_id: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgetForm:
    """The page that asks whether a shopper is sure, answered."""

    sure: Literal["yes"]
