"""Carry a log to the bus: in order, confirmed by the hundred, resumed after the last confirm.

The log is the outbox.  A crash between a confirm and the checkpoint publishes events
twice; it never loses one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from sqlalchemy import Connection

from chassis import checkpoints
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.errors import Conflict, Unavailable
from chassis.faults import reach
from chassis.outgoing import Outgoing
from chassis.storage import log_on
from chassis.telemetry import annotate, metrics, publishing
from chassis.topology import event_exchange

Begin = Callable[[], AbstractContextManager[Connection]]

NAME = "publisher"
BATCH = 500  # is read and encoded while the broker stores the one before
WINDOW = 2000  # may be with the broker unconfirmed, and so be published again after a crash


class Publisher(AbstractContextManager["Publisher"]):
    """The one publisher of a service's log.

    Args:
        service: Whose log it is.
        database: The log's.
        connect: Connects to the broker; raises Unavailable.
        begin: Opens the transaction that moves the checkpoint; a leader's own does not commit
            once it has lost its lock.  The database's by default.
        batch: How many events are read at once.
        window: How many events at most are sent before their confirms are waited for.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        connect: Callable[[], Outgoing],
        *,
        begin: Begin | None = None,
        batch: int = BATCH,
        window: int = WINDOW,
    ) -> None:
        self._exchange = event_exchange(service).name
        self._database = database
        self._connect = connect
        self._begin = begin or database.begin
        self._batch = batch
        self._window = window
        self._outgoing: Outgoing | None = None
        self._at: int | None = None  # the checkpoint, as far as is known
        metrics.record(metrics.PUBLISHED, 0)

    def step(self) -> int:
        """Publish what comes next, a window at most, and move the checkpoint.

        Returns:
            How many events were published; 0 when none are left.

        Raises:
            Unavailable: broker or database do not answer; call again later.
            Conflict: another publisher moved the checkpoint.
        """
        try:
            return self._step()
        except (Unavailable, Conflict):
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection; safe to call when it is broken."""
        self._at = None
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def _step(self) -> int:
        if self._outgoing is not None and self._outgoing.outdated:
            self._outgoing.close()
            self._outgoing = None
        start = self._position()
        events = self._read(start)
        if not events:
            self._look_after_connection()
            return 0
        last = self._publish(events, end=start + self._window)
        reach("publisher.confirmed")
        with self._begin() as db:
            checkpoints.move_whole(db, NAME, old=start, new=last)
        reach("publisher.moved")
        metrics.record(metrics.PUBLISHED, last - start)
        self._at = last
        return last - start

    def _publish(self, events: Sequence[Recorded], *, end: int) -> int:
        """Send a window, beginning with ``events``, and wait; return its last position."""
        first = last = events[0].position
        facts: Counter[tuple[str, str]] = Counter()
        with publishing(self._exchange):
            while events:
                self._opened().send(events)
                reach("publisher.sent")
                facts.update((event.tenant, event.type) for event in events)
                last = events[-1].position
                whole = len(events) == self._batch
                events = self._read(last, limit=min(self._batch, end - last)) if whole else ()
            self._opened().settle()
            # Positions have no gaps.
            annotate({"messaging.batch.message_count": last - first + 1})
        for (tenant, kind), count in facts.items():
            metrics.record(metrics.FACTS, count, tenant=tenant, type=kind)
        return last

    def _read(self, after: int, limit: int | None = None) -> Sequence[Recorded]:
        with self._database.read() as db:
            return log_on(db).after(after, limit=self._batch if limit is None else limit)

    def _look_after_connection(self) -> None:
        if self._outgoing is not None:
            self._outgoing.settle()  # nothing to wait for: it shows that the broker lives

    def _opened(self) -> Outgoing:
        if self._outgoing is None:
            self._outgoing = self._connect()
        return self._outgoing

    def _position(self) -> int:
        if self._at is not None:
            return self._at
        with self._database.read() as db:
            return checkpoints.position(db, NAME)
