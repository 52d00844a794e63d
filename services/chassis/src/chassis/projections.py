"""Fold events into the rows of a read model."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection

from chassis.envelope import Envelope

E = TypeVar("E")
Step = Callable[[E, Envelope, Connection], None]
Fact = tuple[E, Envelope]
BatchStep = Callable[[Sequence[Fact[E]], Connection], None]


class Projection:
    """A named read model and the steps that build it.

    The name is the key of its checkpoint, so renaming a projection rebuilds it
    from the first event.
    """

    def __init__(self, name: str, tables: Sequence[str] = ()) -> None:
        self.name = name
        self.tables = tuple(tables)
        self._steps: dict[type[Any], BatchStep[Any]] = {}

    def on(self, event: type[E]) -> Callable[[Step[E]], Step[E]]:
        """Register the step for one event class.

        Raises:
            ValueError: it has one already.
        """

        def register(step: Step[E]) -> Step[E]:
            def each(facts: Sequence[Fact[E]], db: Connection) -> None:
                for fact, envelope in facts:
                    step(fact, envelope, db)

            self._register(event, each)
            return step

        return register

    def on_many(self, event: type[E]) -> Callable[[BatchStep[E]], BatchStep[E]]:
        """Register the step that takes neighbouring events of one class together.

        For events that imports bring by the thousand: one statement for all of them.

        Raises:
            ValueError: the class has a step already.
        """

        def register(step: BatchStep[E]) -> BatchStep[E]:
            self._register(event, step)
            return step

        return register

    def handles(self, cls: type[Any]) -> bool:
        """Say whether an event class changes this read model."""
        return cls in self._steps

    def apply(self, event: Any, envelope: Envelope, db: Connection) -> None:
        """Run the step for ``event``; events without a step are skipped."""
        self.apply_all([(event, envelope)], db)

    def apply_all(self, facts: Iterable[Fact[Any]], db: Connection) -> None:
        """Run the steps for events in their order; events without a step are skipped."""
        for cls, neighbours in groupby(facts, key=lambda fact: type(fact[0])):
            if cls in self._steps:
                self._steps[cls](list(neighbours), db)

    def _register(self, event: type[Any], step: BatchStep[Any]) -> None:
        if event in self._steps:
            raise ValueError(f"{self.name} already handles {event.__name__}")
        self._steps[event] = step
