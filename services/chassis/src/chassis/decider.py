"""The pure core of an aggregate: decide, evolve, and the state before either."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decider(Generic[S, C, E]):
    """An aggregate written as two pure functions.

    Args:
        category: Prefix of the stream names, as in ``order-<id>``.
        initial: The state before anything happened.
        decide: The events that a command causes, given the state; raises ``Rejected``.
        evolve: The next state, given an event; never refuses.
        hot: So many write its streams at once that whoever wants to decide on one waits for its
            turn first, instead of losing to the others again and again.
    """

    category: str
    initial: S
    decide: Callable[[S, C], Sequence[E]]
    evolve: Callable[[S, E], S]
    hot: bool = False

    def fold(self, events: Iterable[E]) -> S:
        """Return the state after ``events``, oldest first."""
        return reduce(self.evolve, events, self.initial)

    def stream(self, entity_id: object) -> str:
        """Return the name of one entity's stream."""
        return f"{self.category}-{entity_id}"
