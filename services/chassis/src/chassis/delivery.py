"""Hand events to handlers inside the transaction that moves the reader's checkpoint.

A handler that fails is undone alone (a savepoint), its event is parked with the error, and
later events of the same stream wait behind it while everything else goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chassis import parked
from chassis.clock import Clock, SystemClock
from chassis.database import Database, is_outage
from chassis.envelope import Recorded
from chassis.errors import Alarm, Conflict
from chassis.faults import reach
from chassis.parked import LADDER, Parked
from chassis.telemetry import metrics
from chassis.topology import source_of

Handler = Callable[[Connection, Recorded], None]
AT_ONCE = 3


class Delivery:
    """The handlers of one reader of a log.

    Args:
        name: The reader's name; its parked events are kept under it.
        handlers: By wire name; events of other types are skipped.
        clock: Times the ladder of retries.  Not the business clock: a delay is a delay.
        ladder: Seconds until a parked event is tried again, try by try.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
    ) -> None:
        self.name = name
        self.handlers = handlers
        self._ladder = ladder
        self._database = database
        self._clock = clock or SystemClock()

    def deliver(self, db: Connection, events: Iterable[Recorded]) -> None:
        """Handle events, in order, inside the caller's transaction.

        Raises:
            DBAPIError: the database failed; nothing of this transaction stands.
            Alarm: going on would be wrong.
        """
        waiting, outcomes = parked.streams(db, self.name), Counter[str]()
        for event in events:
            handler = self.handlers.get(event.type)
            if handler is None:
                outcomes["skipped"] += 1
                continue
            outcomes[self._handle(db, handler, event, waiting)] += 1
            reach(f"{self.name}.handled")
        for outcome, count in outcomes.items():
            source = source_of(self.name)
            metrics.record(
                metrics.HANDLED, count, subscription=self.name, source=source, outcome=outcome
            )

    def retry_due(self) -> int:
        """Try every parked event whose time has come, each in a transaction of its own.

        Returns:
            How many were tried.
        """
        ready = parked.ready(self._database, self.name, self._clock.now())
        for waiting in ready:
            self._retry(waiting)
        return len(ready)

    def _handle(
        self, db: Connection, handler: Handler, event: Recorded, waiting: set[tuple[str, str]]
    ) -> str:
        stream = (event.tenant, event.stream)
        if stream in waiting:
            parked.park(db, self.name, event, now=self._clock.now())
            return "parked"
        error = attempt(db, handler, event)
        if error is None:
            return "handled"
        parked.park(
            db, self.name, event, now=self._clock.now(), error=error, tries=1, ladder=self._ladder
        )
        waiting.add(stream)
        return "parked"

    def _retry(self, waiting: Parked) -> None:
        with self._database.begin() as db:
            handler = self.handlers.get(waiting.event.type)
            error = attempt(db, handler, waiting.event) if handler else None
            if error is None:
                parked.release(db, self.name, waiting.event, self._clock.now())
            else:
                parked.failed_again(db, waiting, error, self._clock.now(), self._ladder)


def attempt(db: Connection, handler: Handler, event: Recorded) -> Exception | None:
    """Run a handler in a savepoint; return what it raised, after undoing it.

    A conflict is tried again at once, a few times: somebody else merely wrote first.
    """
    error: Exception | None = None
    for _ in range(AT_ONCE):
        error = _once(db, handler, event)
        if not isinstance(error, Conflict):
            break
    return error


def _once(db: Connection, handler: Handler, event: Recorded) -> Exception | None:
    try:
        with db.begin_nested():
            handler(db, event)
    except Alarm:
        raise
    except DBAPIError as error:
        if is_outage(error):
            raise
        return error
    except Exception as error:  # noqa: BLE001  # whatever a handler raises is parked, with its trace
        return error
    return None
