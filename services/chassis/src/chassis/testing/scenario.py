"""Given facts, when a command, then facts or a refusal."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import pytest

from chassis.decider import Decider
from chassis.errors import Rejected

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


class Scenario(Generic[S, C, E]):
    """One sentence about an aggregate: ``given(...).when(...).then(...)``."""

    def __init__(self, decider: Decider[S, C, E], history: Sequence[E]) -> None:
        self._decider = decider
        self._history = history

    def when(self, command: C) -> "Outcome[S, C, E]":
        """Name the command that is tried."""
        return Outcome(self._decider, self._history, command)


class Outcome(Generic[S, C, E]):
    """What a command led to."""

    def __init__(self, decider: Decider[S, C, E], history: Sequence[E], command: C) -> None:
        self._decider = decider
        self._state = decider.fold(history)
        self._command = command

    def then(self, *expected: E) -> None:
        """Assert exactly these events, no more and no fewer."""
        assert list(self._decide()) == list(expected)

    def then_nothing(self) -> None:
        """Assert that the command is harmless."""
        assert list(self._decide()) == []

    def then_rejected(self, refusal: type[Rejected]) -> None:
        """Assert that the rule refuses."""
        with pytest.raises(refusal):
            self._decide()

    def _decide(self) -> Sequence[E]:
        return self._decider.decide(self._state, self._command)
