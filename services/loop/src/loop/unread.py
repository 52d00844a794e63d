"""Events that this build could not read: listed, tried again, given up for a reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from chassis.envelope import Recorded
from chassis.parked import NotParked
from chassis.wire import from_text
from loop.intake import Unread, try_reading
from loop.live import LiveFacts
from loop.store import insert_facts

_SELECT = "SELECT service, position, event, error, trace, tries, parked_at FROM parked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """An event whose facts are missing."""

    service: str
    position: int
    event: Recorded
    error: str
    trace: str
    tries: int
    parked_at: int


def listed(facts: LiveFacts) -> list[Waiting]:
    """Return everything that could not be read, oldest first."""
    with facts.store.cursor() as db:
        return _waiting(db, "ORDER BY service, position")


def listed_of(facts: LiveFacts, tenant: str) -> list[Waiting]:
    """Return what could not be read of one tenant's."""
    return [one for one in listed(facts) if one.event.tenant == tenant]


def show(facts: LiveFacts, service: str, position: int) -> Waiting:
    """Return one event that could not be read; raises NotParked."""
    with facts.store.cursor() as db:
        return _one(db, service, position)


def retry_all(facts: LiveFacts, *, error: str = "") -> int:
    """Read again every event whose error starts with ``error``; return how many succeeded."""
    matching = [one for one in listed(facts) if one.error.startswith(error)]
    return sum(retry(facts, one.service, one.position) for one in matching)


def retry(facts: LiveFacts, service: str, position: int) -> bool:
    """Read one event again and say whether that worked; raises NotParked."""
    with facts.writing() as db:
        waiting = _one(db, service, position)
        found = try_reading(service, waiting.event)
        if isinstance(found, Unread):
            _failed_again(db, waiting, found)
            return False
        insert_facts(db, found)
        _forget(db, waiting)
    facts.arrived(service, [])
    return True


def skip(facts: LiveFacts, service: str, position: int) -> None:
    """Give one event up; raises NotParked."""
    with facts.writing() as db:
        _forget(db, _one(db, service, position))


def _one(db: DuckDBPyConnection, service: str, position: int) -> Waiting:
    found = _waiting(db, "WHERE service = ? AND position = ?", service, position)
    if not found:
        raise NotParked(f"{service} has nothing parked at {position}")
    return found[0]


def _waiting(db: DuckDBPyConnection, clause: str, *values: str | int) -> list[Waiting]:
    rows: Sequence[tuple[str, int, str, str, str, int, int]]
    rows = db.execute(f"{_SELECT} {clause}", values).fetchall()
    return [
        Waiting(
            service=service,
            position=position,
            event=from_text(event),
            error=error,
            trace=trace,
            tries=tries,
            parked_at=parked_at,
        )
        for service, position, event, error, trace, tries, parked_at in rows
    ]


def _failed_again(db: DuckDBPyConnection, waiting: Waiting, unread: Unread) -> None:
    db.execute(
        "UPDATE parked SET tries = tries + 1, error = ?, trace = ? "
        "WHERE service = ? AND position = ?",
        [unread.error, unread.trace, waiting.service, waiting.position],
    )


def _forget(db: DuckDBPyConnection, waiting: Waiting) -> None:
    db.execute(
        "DELETE FROM parked WHERE service = ? AND position = ?",
        [waiting.service, waiting.position],
    )
