"""Fold events into the rows of a read model."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from chassis import gate
from chassis.changes import Change, Changes
from chassis.envelope import Envelope
from chassis.keyed_rows import fold_into

E = TypeVar("E")
Fold = Callable[[E, Envelope], Changes]
Step = Callable[[E, Envelope, Connection], None]
Fact = tuple[E, Envelope]
BatchStep = Callable[[Sequence[Fact[E]], Connection], None]
Place = Callable[[Table], Table]


class Projection:
    """A named read model and the steps that build it.

    The name is the key of its checkpoint, so renaming a projection rebuilds it
    from the first event.

    Args:
        tables: Where its rows are; a fold changes no other.
        also_written: Who else changes these rows, and why; then the log alone cannot build
            them anew, and a rebuild is refused with this reason.
    """

    def __init__(
        self, name: str, tables: Sequence[Table] = (), *, also_written: str | None = None
    ) -> None:
        self.name = name
        self.tables = tuple(tables)
        self.also_written = also_written
        self._folds: dict[type[Any], Fold[Any]] = {}
        self._steps: dict[type[Any], BatchStep[Any]] = {}
        self._effects: dict[type[Any], Step[Any]] = {}
        self._every: Callable[[Envelope], Changes] | None = None

    def fold(self, event: type[E]) -> Callable[[Fold[E]], Fold[E]]:
        """Register the pure function that says how an event changes rows.

        It returns or yields ``chassis.changes``.  The chassis loads the rows that a whole
        batch touches, folds in memory and writes each table at once.

        Raises:
            ValueError: the class has a fold or step already.
        """

        def register(fold: Fold[E]) -> Fold[E]:
            self._claim(event)
            self._folds[event] = fold
            return fold

        return register

    def on(self, event: type[E]) -> Callable[[Step[E]], Step[E]]:
        """Register a step of SQL for one event class: for what no fold of rows can say.

        It is slow, and a read model with one cannot be built anew beside the live one.

        Raises:
            ValueError: the class has a fold or step already.
        """

        def register(step: Step[E]) -> Step[E]:
            def each(facts: Sequence[Fact[E]], db: Connection) -> None:
                for fact, envelope in facts:
                    step(fact, envelope, db)

            self._claim(event)
            self._steps[event] = each
            return step

        return register

    def on_many(self, event: type[E]) -> Callable[[BatchStep[E]], BatchStep[E]]:
        """Register a step of SQL that takes neighbouring events of one class together.

        Raises:
            ValueError: the class has a fold or step already.
        """

        def register(step: BatchStep[E]) -> BatchStep[E]:
            self._claim(event)
            self._steps[event] = step
            return step

        return register

    def fold_every(self, fold: Callable[[Envelope], Changes]) -> None:
        """Register the pure function that says how any event changes rows, by its envelope alone.

        Nothing is decoded for such a read model, and it has no other folds.

        Raises:
            ValueError: it handles events of some class already.
        """
        if self._folds or self._steps or self._effects:
            raise ValueError(f"{self.name} already handles some events in another way")
        self._every = fold

    @property
    def decodes(self) -> bool:
        """Say whether it looks into events, and not only at their envelopes."""
        return self._every is None

    @property
    def has_effects(self) -> bool:
        """Say whether any of its events has an effect beside the rows."""
        return bool(self._effects)

    def effect(self, event: type[E]) -> Callable[[Step[E]], Step[E]]:
        """Register what else an event leads to, in the same transaction.

        It runs after the rows were folded, and never when the past is folded again.

        Raises:
            ValueError: the class has an effect already.
        """

        def register(step: Step[E]) -> Step[E]:
            if event in self._effects:
                raise ValueError(f"{self.name} already has an effect for {event.__name__}")
            self._effects[event] = step
            return step

        return register

    @property
    def only_folds(self) -> bool:
        """Whether every step is a pure fold."""
        return not self._steps

    def handles(self, cls: type[Any]) -> bool:
        """Say whether an event class changes this read model."""
        if self._every is not None:
            return True
        return cls in self._folds or cls in self._steps or cls in self._effects

    def apply(self, event: Any, envelope: Envelope, db: Connection) -> None:
        """Run the step for ``event``; events without a step are skipped."""
        self.apply_all([(event, envelope)], db)

    def apply_all(
        self, facts: Iterable[Fact[Any]], db: Connection, place: Place | None = None
    ) -> None:
        """Fold events in their order; events without a step are skipped.

        Args:
            facts: Events with their envelopes.
            db: An open transaction.
            place: Where each table's rows are kept, when not in the table itself.

        Raises:
            Conflict: somebody else added one of the rows at the same time.
        """
        handled = [fact for fact in facts if self.handles(type(fact[0]))]
        for step, run in groupby(handled, key=lambda fact: self._steps.get(type(fact[0]))):
            if step is None:
                fold_into(db, self.changes(run), place)
            else:
                step(list(run), db)
        if self._effects and not gate.is_shut():
            self._have_effects(handled, db)

    def changes(self, facts: Iterable[Fact[Any]]) -> list[Change]:
        """Return how events change rows, in their order.

        Raises:
            ValueError: a fold changes a table that is not the projection's.
        """
        changes = [change for fact in facts for change in self._changes_of(*fact)]
        for foreign in {change.table for change in changes}.difference(self.tables):
            raise ValueError(f"{self.name} changes {foreign.name}, which it does not name")
        return changes

    def _changes_of(self, event: Any, envelope: Envelope) -> Changes:
        if self._every is not None:
            return self._every(envelope)
        fold = self._folds.get(type(event))
        return fold(event, envelope) if fold else ()

    def _have_effects(self, facts: Iterable[Fact[Any]], db: Connection) -> None:
        for event, envelope in facts:
            if type(event) in self._effects:
                self._effects[type(event)](event, envelope, db)

    def _claim(self, event: type[Any]) -> None:
        if self._every is not None or event in self._folds or event in self._steps:
            raise ValueError(f"{self.name} already handles {event.__name__}")
