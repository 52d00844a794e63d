"""How credit for an order is shared out over the touches before it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.attribution import MODELS, Touch, apportion, fraction_of, path_of, weights
from campaigns.conversion import credits_of
from campaigns.events import Model
from chassis.money import Money

ORDERED = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)


def touch(number: int, *, before: timedelta, direct: bool = False) -> Touch:
    return Touch(
        touch_id=UUID(int=number),
        event_id=f"{number:04}",
        channel=f"channel-{number % 3}",
        direct=direct,
        at=ORDERED - before,
    )


@st.composite
def journeys(draw: st.DrawFn) -> list[Touch]:
    hours = draw(st.lists(st.integers(min_value=-100, max_value=1500), max_size=12))
    return [
        touch(number, before=timedelta(hours=before), direct=draw(st.booleans()))
        for number, before in enumerate(hours)
    ]


@given(touches=journeys(), model=st.sampled_from(list(MODELS)), amount=st.integers(0, 10**9))
def test_every_model_gives_the_whole_order_and_no_more(
    touches: list[Touch], model: Model, amount: int
) -> None:
    """Channels together would claim more, or less, than the order."""
    path = path_of(touches, ordered_at=ORDERED)
    given_credit = credits_of(path, model=model, amount=Money(amount=amount, currency="CNY"))

    assert sum(credit.weight for credit in given_credit) == (1 if path else 0)
    assert sum(credit.amount.amount for credit in given_credit) == (amount if path else 0)
    assert all(credit.weight >= 0 and credit.amount.amount >= 0 for credit in given_credit)


@given(touches=journeys(), model=st.sampled_from(list(MODELS)))
def test_nothing_after_the_order_or_before_the_window_has_credit(
    touches: list[Touch], model: Model
) -> None:
    """An ad would be paid for orders that it came too late for."""
    path = path_of(touches, ordered_at=ORDERED)
    credited = set(MODELS[model](path))
    eligible = {
        touch.touch_id for touch in touches if timedelta(0) <= ORDERED - touch.at <= timedelta(30)
    }

    assert credited <= eligible
    assert bool(credited) == bool(eligible)


@given(data=st.data(), touches=journeys(), model=st.sampled_from(list(MODELS)))
def test_the_order_of_arrival_does_not_matter(
    data: st.DataObject, touches: list[Touch], model: Model
) -> None:
    """A replay would give other numbers than the live run."""
    shuffled = data.draw(st.permutations(touches))

    assert MODELS[model](path_of(shuffled, ordered_at=ORDERED)) == MODELS[model](
        path_of(touches, ordered_at=ORDERED)
    )


def test_each_model_credits_whom_its_name_says() -> None:
    """The wrong channel would look successful."""
    hours = [(1, 50, False), (2, 40, False), (3, 30, True)]
    path = [touch(n, before=timedelta(hours=h), direct=d) for n, h, d in hours]
    credited = {model: share(path) for model, share in MODELS.items()}

    assert credited == {
        "first": {UUID(int=1): 1},
        "last": {UUID(int=3): 1},
        "last_non_direct": {UUID(int=2): 1},
        "linear": {UUID(int=n): Fraction(1, 3) for n in (1, 2, 3)},
    }


def test_touches_of_one_moment_are_ordered_by_event_id() -> None:
    """Two runs over the same facts would credit different channels."""
    together = [touch(n, before=timedelta(hours=1)) for n in (7, 3, 5)]

    assert [found.event_id for found in path_of(together, ordered_at=ORDERED)] == [
        "0003",
        "0005",
        "0007",
    ]


@pytest.mark.parametrize(
    ("before", "counts"),
    [
        (timedelta(days=30), True),
        (timedelta(days=30, microseconds=1), False),
        (timedelta(0), True),
        (timedelta(microseconds=-1), False),
    ],
)
def test_the_window_ends_where_it_says(before: timedelta, *, counts: bool) -> None:
    """Touches at the edge would count on one day and not on another."""
    assert bool(path_of([touch(1, before=before)], ordered_at=ORDERED)) is counts


def test_only_direct_touches_still_get_their_credit() -> None:
    """An order by a regular customer would be nobody's."""
    path = [touch(n, before=timedelta(hours=9 - n), direct=True) for n in (1, 2)]

    assert MODELS["last_non_direct"](path) == {UUID(int=2): 1}


@given(
    parts=st.lists(st.integers(min_value=0, max_value=1000), min_size=1).filter(any),
    total=st.integers(min_value=0, max_value=10**12),
)
def test_splitting_loses_nothing(parts: list[int], total: int) -> None:
    """Cents would vanish from the reports."""
    shares = [Fraction(part, sum(parts)) for part in parts]
    split = apportion(total, shares)

    assert sum(split) == total
    assert all(abs(part - total * share) < 1 for part, share in zip(split, shares, strict=True))
    assert sum(weights(shares)) == 1


def test_a_fraction_is_rounded_down_to_twelve_places() -> None:
    """Reversals could take back more than was given."""
    assert fraction_of(2, 3) == Decimal("0.666666666666")
    assert fraction_of(0, 0) == 1
