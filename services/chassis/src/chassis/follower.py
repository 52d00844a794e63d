"""Follow the service's own log by position: projections, processes, outside calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from chassis import checkpoints, parked
from chassis.clock import Clock, SystemClock
from chassis.database import Database
from chassis.delivery import Delivery
from chassis.envelope import Recorded
from chassis.errors import Conflict
from chassis.faults import reach
from chassis.parked import LADDER
from chassis.storage import log_on
from chassis.telemetry.handling import handling

BATCH = 500


class Follows(Protocol):
    """Anything that can be advanced until it has caught up."""

    name: str

    def step(self) -> int:
        """Handle what is next; return how many events were read, 0 when none are left."""


class Follower:
    """A reader of the own log whose handlers write to the same database."""

    def __init__(self, delivery: Delivery, database: Database, *, batch: int = BATCH) -> None:
        self.name = delivery.name
        self._delivery = delivery
        self._database = database
        self._batch = batch

    def step(self) -> int:
        """Handle the next batch and move the checkpoint in one transaction.

        Raises:
            Unavailable: the database does not answer.
        """
        tried = self._delivery.retry_due()
        if not self._has_more():
            return tried
        with self._database.begin() as db:
            start = checkpoints.position(db, self.name)
            events = log_on(db).after(start, limit=self._batch)
            if events:
                self._delivery.deliver(db, events)
                checkpoints.move_whole(db, self.name, old=start, new=events[-1].position)
                reach(f"{self.name}.before_commit")
        reach(f"{self.name}.committed")
        return tried + len(events)

    def _has_more(self) -> bool:
        with self._database.read() as db:
            return checkpoints.position(db, self.name) < log_on(db).head()


class Gateway:
    """A reader of the own log that calls out: at least once, and outside any transaction.

    Args:
        calls: By wire name; a call must be idempotent at its other end, keyed by the event.
        clock: Times the ladder of retries.
        ladder: Seconds until a parked event is tried again, try by try.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        calls: Mapping[str, Callable[[Recorded], None]],
        *,
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
    ) -> None:
        self.name = name
        self._database = database
        self._calls = calls
        self._clock = clock or SystemClock()
        self._ladder = ladder

    def step(self) -> int:
        """Make the calls that the next events ask for."""
        tried = self._retry_due()
        with self._database.read() as db:
            start = checkpoints.position(db, self.name)
            events = log_on(db).after(start, limit=BATCH)
            waiting = parked.streams(db, self.name)
        for event in events:
            if event.type in self._calls:
                start = self._handle(event, start, waiting)
        if events:
            self._move(start, events[-1].position)
        return tried + len(events)

    def _handle(self, event: Recorded, start: int, waiting: set[tuple[str, str]]) -> int:
        stream = (event.tenant, event.stream)
        error = None if stream in waiting else self._call(event)
        reach(f"{self.name}.called")
        with self._database.begin() as db:
            if stream in waiting:
                parked.park(db, self.name, event, now=self._clock.now())
            elif error:
                waiting.add(stream)
                parked.park(
                    db,
                    self.name,
                    event,
                    now=self._clock.now(),
                    error=error,
                    tries=1,
                    ladder=self._ladder,
                )
            checkpoints.move_whole(db, self.name, old=start, new=event.position)
        return event.position

    def _call(self, event: Recorded) -> Exception | None:
        try:
            with handling(self.name, event):
                self._calls[event.type](event)
        except Exception as error:  # noqa: BLE001  # whatever a call raises is parked, with its trace
            return error
        return None

    def _retry_due(self) -> int:
        with self._database.read() as db:
            ready = parked.due(db, self.name, self._clock.now())
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
