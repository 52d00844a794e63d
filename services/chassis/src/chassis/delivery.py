"""Hand events to handlers inside the transaction that moves the reader's checkpoint.

A batch is tried whole.  If anything in it fails, all of it is undone and done again event by
event, each in a savepoint: the one that fails is parked with its error, and later events of
the same stream wait behind it while everything else goes on.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chassis import direct, parked
from chassis.clock import Clock, SystemClock
from chassis.database import Database, directly, is_outage
from chassis.envelope import Recorded
from chassis.errors import Alarm, Conflict
from chassis.faults import reach
from chassis.parked import LADDER, Parked, stream_of
from chassis.telemetry import metrics
from chassis.telemetry.tentative import tentative
from chassis.topology import source_of

Handler = Callable[[Connection, Recorded], None]
AT_ONCE = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Batched:
    """A handler that can take several events at once, each stream's in order."""

    handle: Callable[[Connection, Sequence[Recorded]], None]

    def __call__(self, db: Connection, event: Recorded) -> None:
        """Handle one event."""
        self.handle(db, [event])


def keep_nobody_out(_db: Connection) -> None:
    """Do nothing, where a reader works alone."""


class Delivery:
    """The handlers of one reader of a log.

    Args:
        name: The reader's name; its parked events are kept under it.
        handlers: By wire name; events of other types are skipped.
        clock: Times the ladder of retries.  Not the business clock: a delay is a delay.
        ladder: Seconds until a parked event is tried again, try by try.
        around: Calls what runs the handlers of a batch: where nameko's worker begins and ends.
        hold: Keeps others out, first of all, while a parked event is tried again.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
        around: Callable[[Callable[[], Any]], Any] = directly,
        hold: Callable[[Connection], object] = keep_nobody_out,
    ) -> None:
        self.name = name
        self.handlers = handlers
        self._ladder = ladder
        self._database = database
        self._clock = clock or SystemClock()
        self._around = around
        self._hold = hold

    def deliver(self, db: Connection, events: Iterable[Recorded]) -> None:
        """Handle events, in order, inside the caller's transaction.

        Raises:
            DBAPIError: the database failed; nothing of this transaction stands.
            Alarm: going on would be wrong.
        """
        every = list(events)
        known = [event for event in every if event.type in self.handlers]
        late = 0
        if known:
            waiting = parked.streams(db, self.name, known)
            late = self._around(lambda: self._deliver(db, known, waiting))
        self._count(skipped=len(every) - len(known), parked=late, handled=len(known) - late)

    def retry_due(self, lanes: Collection[int] | None = None) -> int:
        """Try every parked event whose time has come, each in a transaction of its own.

        Args:
            lanes: Only events of these lanes; None for all.

        Returns:
            How many were tried.
        """
        ready = parked.ready(self._database, self.name, self._clock.now(), lanes)
        for waiting in ready:
            self._retry(waiting)
        return len(ready)

    def _deliver(
        self, db: Connection, events: Sequence[Recorded], waiting: set[tuple[str, str]]
    ) -> int:
        """Handle events or park them; return how many were parked."""
        free = [event for event in events if stream_of(event) not in waiting]
        if len(free) > 1 and self._together(db, free):
            behind = [event for event in events if stream_of(event) in waiting]
            for event in behind:
                self._park(db, event)
            return len(behind)
        return sum(not self._handled(db, event, waiting) for event in events)

    def _together(self, db: Connection, events: Sequence[Recorded]) -> bool:
        """Run the handlers of a whole batch; return whether that stands, undo it otherwise."""

        def run() -> None:
            with tentative(), direct.savepoint(db):
                for handler, group in grouped(self.handlers, events):
                    _run(db, handler, group)

        return caught(run) is None and self._reached(len(events))

    def _handled(self, db: Connection, event: Recorded, waiting: set[tuple[str, str]]) -> bool:
        """Handle one event; return whether that stands, park it otherwise."""
        if stream_of(event) in waiting:
            self._park(db, event)
            return False
        error = attempt(db, self.handlers[event.type], event)
        if error is None:
            return self._reached(1)
        self._park(db, event, error)
        waiting.add(stream_of(event))
        return False

    def _reached(self, count: int) -> bool:
        for _ in range(count):
            reach(f"{self.name}.handled")
        return True

    def _park(self, db: Connection, event: Recorded, error: Exception | None = None) -> None:
        now, tries = self._clock.now(), 1 if error else 0
        parked.park(db, self.name, event, now=now, error=error, tries=tries, ladder=self._ladder)

    def _count(self, **outcomes: int) -> None:
        labels = {"subscription": self.name, "source": source_of(self.name)}
        for outcome, count in outcomes.items():
            if count:
                metrics.record(metrics.HANDLED, count, **labels, outcome=outcome)

    def _retry(self, found: Parked) -> None:
        with self._database.begin() as db:
            self._hold(db)
            waiting = parked.claim(db, found, self._clock.now())
            if waiting is None:  # another worker has it, or had it
                return
            handler = self.handlers.get(waiting.event.type)
            error = self._around(lambda: attempt(db, handler, waiting.event)) if handler else None
            if error is None:
                parked.release(db, self.name, waiting.event, self._clock.now())
            else:
                parked.failed_again(db, waiting, error, self._clock.now(), self._ladder)


def grouped(
    handlers: Mapping[str, Handler], events: Iterable[Recorded]
) -> list[tuple[Handler, list[Recorded]]]:
    """Put events together that one handler can take at once; each stream keeps its order."""
    groups: list[tuple[Handler, list[Recorded]]] = []
    newest: dict[Handler, int] = {}
    last: dict[tuple[str, str], int] = {}
    for event in events:
        handler, stream = handlers[event.type], stream_of(event)
        number = newest.get(handler, -1)
        # An earlier event of the stream in a later group would be overtaken.
        if not isinstance(handler, Batched) or number < last.get(stream, 0):
            number = newest[handler] = len(groups)
            groups.append((handler, []))
        groups[number][1].append(event)
        last[stream] = number
    return groups


def attempt(db: Connection, handler: Handler, event: Recorded) -> Exception | None:
    """Run a handler in a savepoint; return what it raised, after undoing it.

    A conflict is tried again at once, a few times: somebody else merely wrote first.
    """

    def run() -> None:
        with direct.savepoint(db):
            handler(db, event)

    error: Exception | None = None
    for _ in range(AT_ONCE):
        error = caught(run)
        if not isinstance(error, Conflict):
            break
    return error


def caught(run: Callable[[], None]) -> Exception | None:
    """Return what a block raised, None if it ended well.

    Raises:
        Alarm: going on would be wrong.
        DBAPIError: the database failed, and not what was asked of it.
    """
    try:
        run()
    except Alarm:
        raise
    except DBAPIError as error:
        if is_outage(error):
            raise
        return error
    except Exception as error:  # noqa: BLE001  # whatever a handler raises is parked, with its trace
        return error
    return None


def _run(db: Connection, handler: Handler, events: Sequence[Recorded]) -> None:
    if isinstance(handler, Batched):
        handler.handle(db, events)
    else:
        for event in events:
            handler(db, event)
