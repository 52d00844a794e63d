"""Read models, and facts that an import brings from many moments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.envelope import Envelope
from chassis.events import EventRegistry
from chassis.log_sqlite import SCHEMA_V1
from chassis.privacy import MemoryKeys
from chassis.projections import Fact, Projection
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context

registry = EventRegistry("demo")


@registry.event("rung")
@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """A bell rang."""

    bell: str


@registry.event("tuned")
@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """A bell was tuned."""

    bell: str


class Seen:
    """A read model that only remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.projection = Projection("bells")
        self.projection.on_many(Rung)(self.many)
        self.projection.on(Tuned)(self.one)

    def many(self, facts: Sequence[Fact[Rung]], _db: Connection) -> None:
        """Remember neighbours together."""
        self.calls.append([event.bell for event, _ in facts])

    def one(self, event: Tuned, _envelope: Envelope, _db: Connection) -> None:
        """Remember one."""
        self.calls.append([event.bell.upper()])


def storage(folder: Path, *inline: Projection) -> Storage:
    database = Database(f"sqlite:///{folder}/log.db")
    with database.begin() as db:
        for statement in SCHEMA_V1:
            db.execute(text(statement))
    return Storage(
        service="demo",
        database=database,
        registry=registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
        inline=inline,
    )


def test_neighbours_of_one_class_come_together_and_in_order(tmp_path: Path) -> None:
    """A large import would take a statement for each row, or fold events in another order."""
    seen = Seen()
    events: list[Any] = [Rung(bell="a"), Rung(bell="b"), Tuned(bell="c"), Rung(bell="d")]
    with storage(tmp_path, seen.projection).begin(context()) as work:
        work.add("bell-1", events)

    assert seen.calls == [["a", "b"], ["C"], ["d"]]


def test_a_class_has_one_step() -> None:
    """Two steps would both write, in an order that nobody chose."""
    seen = Seen()

    with pytest.raises(ValueError, match="already handles Rung"):
        seen.projection.on_many(Rung)(seen.many)


def test_facts_of_several_moments_keep_them(tmp_path: Path) -> None:
    """An imported history would all have happened on the day of the import."""
    demo = storage(tmp_path)
    moments = [NOW - timedelta(days=days) for days in (3, 9)]
    with demo.begin(context()) as work:
        for number, moment in enumerate(moments):
            work.add(f"bell-{number}", [Rung(bell="a")], occurred_at=moment)
        work.add("bell-now", [Rung(bell="a")])
    with demo.system.read() as db:
        recorded = demo.log(db).after(0, limit=10)

    assert [event.occurred_at for event in recorded] == [*moments, NOW]
    assert {event.recorded_at for event in recorded} == {NOW}
