"""The live facts: one DuckDB file, its checkpoints inside it, one writer at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Condition, RLock

from duckdb import DuckDBPyConnection

from chassis.clock import SystemClock, micros
from chassis.envelope import Recorded
from chassis.errors import Conflict
from chassis.faults import reach
from chassis.inbox import ForkedLog
from chassis.log import LaneHead
from chassis.telemetry.handling import handling
from chassis.topology import subscription_name
from loop.cycle import hash_of
from loop.intake import keep, read
from loop.prefix import Prefix
from loop.store import FINGERPRINT, FactStore, insert
from loop.upstream import SOURCES, upstream

# Raise it when a reader finds other facts in the same events: the file is then built anew.
_READING = 1
_wall = SystemClock()


class LiveFacts:
    """The facts of the four logs as far as they have arrived.

    Args:
        path: The file that this process owns; None keeps everything in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.store = _opened(path)
        self.changed = Condition()
        self._writer = RLock()
        self._prefixes = {source: Prefix(self._positions(source)) for source in SOURCES}

    @property
    def vector(self) -> dict[str, int]:
        """How far each log is known without gaps."""
        return {source: prefix.end for source, prefix in self._prefixes.items()}

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """Open the one write transaction; commits when the block ends."""
        with self._writer, self.store.transaction() as db:
            yield db

    def has(self, source: str, position: int) -> bool:
        """Say whether an event of a log was taken in."""
        return position in self._prefixes[source]

    def arrived(self, source: str, events: Sequence[Recorded]) -> None:
        """Note what was committed, and wake whoever shows it."""
        with self.changed:
            self._prefixes[source].add(event.position for event in events)
            self.changed.notify_all()

    def wait_beyond(self, vector: Mapping[str, int], seconds: float) -> bool:
        """Wait until something arrived that a position vector does not have."""
        with self.changed:
            return self.changed.wait_for(lambda: self.vector != vector, timeout=seconds)

    def close(self) -> None:
        """Close the file once the writer is done."""
        with self._writer:
            self.store.close()

    def _positions(self, source: str) -> Iterator[int]:
        with self.store.cursor() as db:
            db.execute("SELECT position FROM event WHERE service = ? ORDER BY 1", [source])
            yield from (row[0] for row in db.fetchall())


class DuckTurn:
    """One open transaction of the facts' file; remembers what it took, to announce it later."""

    def __init__(self, db: DuckDBPyConnection, facts: LiveFacts, name: str, source: str) -> None:
        self._db = db
        self._facts = facts
        self._name = name
        self._source = source
        self.taken: list[Recorded] = []

    def checkpoints(self) -> Mapping[int, LaneHead]:
        """Return how far every lane was read."""
        return _checkpoints(self._db, self._name)

    def take(
        self,
        events: Sequence[Recorded],
        before: Mapping[int, LaneHead],
        after: Mapping[int, LaneHead],
    ) -> None:
        """Keep the events' facts and move the checkpoints.

        Raises:
            Conflict: somebody else moved a checkpoint first.
            ForkedLog: another event was read at one of the positions.
        """
        if self.checkpoints() != before:
            raise Conflict(f"{self._name} has moved on")
        self._refuse_a_fork(events)
        # A span each: a batch has many causes, and its own span can continue one of them only.
        intake = read(self._source, events, within=partial(handling, self._name))
        keep(self._db, intake, now=micros(_wall.now()))
        self._move(before, after)
        self.taken.extend(events)
        reach(f"{self._name}.before_commit")

    def _refuse_a_fork(self, events: Sequence[Recorded]) -> None:
        # A lane that lost nothing in a restore goes on as if nothing had happened, but at
        # positions that are taken: facts are identified by them.
        taken = [at.position for at in events if self._facts.has(self._source, at.position)]
        if taken:
            raise ForkedLog(f"{self._source}: position {taken[0]} was another event before")

    def _move(self, before: Mapping[int, LaneHead], after: Mapping[int, LaneHead]) -> None:
        moved = {lane: head for lane, head in after.items() if head != before.get(lane)}
        # One statement: with one for each of twelve lanes this took four times as long.
        self._db.execute(
            "DELETE FROM checkpoint WHERE name = ? AND list_contains(?::BIGINT[], lane)",
            [self._name, list(moved)],
        )
        rows = [(self._name, lane, at.position, at.chain.hex()) for lane, at in moved.items()]
        insert(self._db, "checkpoint", rows)


class DuckLedger:
    """The ledger of one producer's events: its checkpoints stand beside the facts."""

    def __init__(self, facts: LiveFacts, source: str) -> None:
        self._facts = facts
        self._source = source
        self._name = subscription_name("loop", source)

    @property
    def name(self) -> str:
        """The subscription's name."""
        return self._name

    @contextmanager
    def begin(self) -> Iterator[DuckTurn]:
        """Open a transaction that commits when the block ends."""
        with self._facts.writing() as db:
            turn = DuckTurn(db, self._facts, self._name, self._source)
            yield turn
        self._facts.arrived(self._source, turn.taken)

    def checkpoints(self) -> Mapping[int, LaneHead]:
        """Return how far every lane was read, without waiting for the writer."""
        with self._facts.store.cursor() as db:
            return _checkpoints(db, self._name)

    def retry_due(self, lanes: Sequence[int]) -> int:
        """Try nothing: reading is pure, so what failed once fails until another build reads it."""
        del lanes
        return 0


def lanes_of(facts: LiveFacts, source: str) -> Mapping[int, LaneHead]:
    """Return how far each lane of a log was read."""
    return DuckLedger(facts, source).checkpoints()


def fingerprint() -> str:
    """Return what the file's rows depend on besides the events."""
    consumed = sorted((event.source, event.name, event.versions) for event in upstream)
    return hash_of({"schema": FINGERPRINT, "consumed": consumed, "reading": _READING})


def _opened(path: Path | None) -> FactStore:
    """Open the file, or begin anew when another build filled it."""
    store = FactStore(path)
    if path is not None and _mark(store) not in (None, fingerprint()):
        store.close()
        for old in (path, path.with_name(f"{path.name}.wal")):
            old.unlink(missing_ok=True)
        store = FactStore(path)
    with store.transaction() as db:
        db.execute("CREATE TABLE IF NOT EXISTS made_by (fingerprint VARCHAR NOT NULL)")
        db.execute("DELETE FROM made_by")
        db.execute("INSERT INTO made_by VALUES (?)", [fingerprint()])
    return store


def _mark(store: FactStore) -> str | None:
    with store.cursor() as db:
        found = db.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_name = 'made_by'"
        ).fetchone()
        row = db.execute("SELECT fingerprint FROM made_by").fetchone() if found else None
    return str(row[0]) if row else None


def _checkpoints(db: DuckDBPyConnection, name: str) -> dict[int, LaneHead]:
    db.execute("SELECT lane, position, chain FROM checkpoint WHERE name = ?", [name])
    return {
        lane: LaneHead(position=position, chain=bytes.fromhex(chain))
        for lane, position, chain in db.fetchall()
    }
