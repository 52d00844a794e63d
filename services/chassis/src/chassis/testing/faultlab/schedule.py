"""What happens in which round: drawn from the seed and the round's number, nothing else."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """One fault of a round.

    Args:
        fault: Its name in the catalogue.
        at: Seconds after the round's load began.
        seconds: How long it lasts, if it lasts.
        pick: From 0 to 1, chooses among what there is: a process, a crash point.
        nth: Which visit of a crash point.
    """

    fault: str
    at: float
    seconds: float
    pick: float
    nth: int

    def __str__(self) -> str:
        """Say it in a line of the report."""
        return (
            f"{self.fault} at {self.at:.1f} s for {self.seconds:.1f} s "
            f"(pick {self.pick:.3f}, visit {self.nth})"
        )


def drawn(*parts: object) -> random.Random:
    """Return the chance that belongs to some parts: the same parts draw the same again."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311  # repeated on purpose


def chosen(pick: float, among: Sequence[T]) -> T:
    """Return what a pick means among what there is.

    >>> chosen(0.0, "abc"), chosen(0.5, "abc"), chosen(0.999, "abc")
    ('a', 'b', 'c')
    """
    return among[int(pick * len(among))]


def plan(
    seed: int, number: int, faults: Sequence[str], *, at_once: int = 2, seconds: float = 6.0
) -> list[Planned]:
    """Return a round's faults, by the moment at which they begin.

    Faults are dealt like cards: each comes once before any comes again.

    Args:
        seed: The run's.
        number: The round's, from 1 on.
        faults: The names to deal.
        at_once: How many a round has.
        seconds: How long a round's load lasts.
    """
    chance = drawn(seed, number, "faults")
    first = (number - 1) * at_once
    dealt = [_card(seed, index, faults) for index in range(first, first + at_once)]
    planned = [
        Planned(
            fault=fault,
            at=round(chance.uniform(0.0, seconds / 2), 2),
            seconds=round(chance.uniform(seconds / 6, seconds / 2), 2),
            pick=round(chance.uniform(0.0, 0.999), 3),
            nth=chance.randint(1, 3),
        )
        for fault in dealt
    ]
    return sorted(planned, key=lambda one: one.at)


def _card(seed: int, index: int, faults: Sequence[str]) -> str:
    deck = sorted(faults)
    drawn(seed, "deck", index // len(deck)).shuffle(deck)
    return deck[index % len(deck)]
