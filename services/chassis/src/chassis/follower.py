"""Follow the service's own log by position: projections, processes, outside calls."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from chassis import checkpoints, gate, parked
from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.errors import Conflict
from chassis.faults import reach
from chassis.log import Log
from chassis.parked import LADDER
from chassis.storage import has_news, log_on
from chassis.telemetry.handling import handling

BATCH = 500
NOTE_SECONDS = 0.25


class Follows(Protocol):
    """Anything that can be advanced until it has caught up."""

    name: str

    def step(self) -> int:
        """Handle what is next; return how many events were read, 0 when none are left."""


class Delivers(Protocol):
    """What hands a reader's events to what handles them, inside its transaction."""

    name: str

    def deliver(self, db: Connection, events: Sequence[Recorded]) -> None:
        """Handle events, in order."""

    def retry_due(self) -> int:
        """Try what is parked and due; return how many events were tried."""


class Follower:
    """A reader of the own log whose handlers write to the same database."""

    def __init__(self, delivery: Delivers, database: Database, *, batch: int = BATCH) -> None:
        self.name = delivery.name
        self._delivery = delivery
        self._database = database
        self._batch = batch

    def step(self) -> int:
        """Handle the next batch and move the checkpoint in one transaction.

        Raises:
            Unavailable: the database does not answer.
        """
        tried = self.retry_due()
        if not self.has_news():
            return tried
        with self._database.begin() as db:
            handled = self.advance(db, Pages(log_on(db), limit=self._batch))
        reach(f"{self.name}.committed")
        return tried + handled

    def retry_due(self) -> int:
        """Try what is parked and due, each event by itself; return how many were tried."""
        return self._delivery.retry_due()

    def has_news(self) -> bool:
        """Say whether the log has more than was handled."""
        return has_news(self._database, self.name)

    def advance(self, db: Connection, pages: "Pages") -> int:
        """Handle the next batch in somebody's transaction; return how many events it had."""
        start = checkpoints.hold(db, self.name)
        events = pages.after(start)
        if events:
            self._delivery.deliver(db, events)
            checkpoints.move_whole(db, self.name, old=start, new=events[-1].position)
            reach(f"{self.name}.before_commit")
        return len(events)


class Pages:
    """What comes after a position in a log, read once for all who stand there."""

    def __init__(self, log: Log, *, limit: int = BATCH) -> None:
        self._log = log
        self._limit = limit
        self._known: dict[int, Sequence[Recorded]] = {}

    def after(self, position: int) -> Sequence[Recorded]:
        """Return the next events in position order."""
        if position not in self._known:
            self._known[position] = self._log.after(position, limit=self._limit)
        return self._known[position]


class Together:
    """Readers of the own log that are advanced in one transaction.

    Each of them alone would read the same events, wait for the same lock and pay for its own
    commit.

    Args:
        name: Of their thread.
        followers: All of one database.
        batch: How many events one transaction takes.
    """

    def __init__(
        self,
        name: str,
        followers: Sequence[Follower],
        database: Database,
        *,
        batch: int = BATCH,
    ) -> None:
        self.name = name
        self._followers = followers
        self._database = database
        self._batch = batch

    def step(self) -> int:
        """Handle the next batch of everybody who has one.

        Raises:
            Unavailable: the database does not answer.
        """
        tried = sum(follower.retry_due() for follower in self._followers)
        behind = [follower for follower in self._followers if follower.has_news()]
        return tried + (self._advance(behind) if behind else 0)

    def _advance(self, behind: Sequence[Follower]) -> int:
        try:
            with self._database.begin() as db:
                pages = Pages(log_on(db), limit=self._batch)
                handled = sum(follower.advance(db, pages) for follower in behind)
        except Conflict:
            # Somebody else moved one of them on; that must not hold up the others.
            return sum(follower.step() for follower in behind)
        for follower in behind:
            reach(f"{follower.name}.committed")
        return handled


class Gateway:
    """A reader of the own log that calls out: at least once, and outside any transaction.

    Args:
        calls: By wire name; a call must be idempotent at its other end, keyed by the event.
        clock: Times the ladder of retries.
        ladder: Seconds until a parked event is tried again, try by try.
        monotonic: Measures how long ago the checkpoint was noted.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        calls: Mapping[str, Callable[[Recorded], None]],
        *,
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._database = database
        self._calls = calls
        self._clock = clock or SystemClock()
        self._ladder = ladder
        self._monotonic = monotonic

    def step(self) -> int:
        """Make the calls that the next events ask for."""
        tried = self._retry_due()
        if not has_news(self._database, self.name):
            return tried
        with self._database.read() as db:
            start = checkpoints.position(db, self.name)
            events = log_on(db).after(start, limit=BATCH)
            waiting = parked.streams(db, self.name, events)
        noted = self._monotonic()
        for event in events:
            if event.type not in self._calls:
                continue
            if not self._handle(event, start, waiting):
                # A crash repeats the calls since the last note, each under the key that it had.
                if self._monotonic() - noted < NOTE_SECONDS:
                    continue
                self._move(start, event.position)
            start, noted = event.position, self._monotonic()
        if events:
            self._move(start, events[-1].position)
        return tried + len(events)

    def _handle(self, event: Recorded, start: int, waiting: set[tuple[str, str]]) -> bool:
        """Make one call, or park its event; says whether that was parked, and noted."""
        stream = (event.tenant, event.stream)
        error = None if stream in waiting else self._call(event)
        reach(f"{self.name}.called")
        if error is None and stream not in waiting:
            return False
        now, tries = self._clock.now(), 1 if error else 0
        with self._database.begin() as db:
            parked.park(
                db, self.name, event, now=now, error=error, tries=tries, ladder=self._ladder
            )
            checkpoints.move_whole(db, self.name, old=start, new=event.position)
        waiting.add(stream)
        return True

    def _call(self, event: Recorded) -> Exception | None:
        gate.passes("call")
        try:
            with handling(self.name, event):
                self._calls[event.type](event)
        except Exception as error:  # noqa: BLE001  # whatever a call raises is parked, with its trace
            return error
        return None

    def _retry_due(self) -> int:
        ready = parked.ready(self._database, self.name, self._clock.now())
        for waiting in ready:
            error = self._call(waiting.event)
            with self._database.begin() as db:
                if error is None:
                    parked.release(db, self.name, waiting.event, self._clock.now())
                else:
                    parked.failed_again(db, waiting, error, self._clock.now(), self._ladder)
        return len(ready)

    def _move(self, old: int, new: int) -> None:
        try:
            with self._database.begin() as db:
                checkpoints.move_whole(db, self.name, old=old, new=new)
        except Conflict:
            return  # another worker is ahead; its calls carry the same keys
