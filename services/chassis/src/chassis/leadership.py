"""Which of several replicas works: the one whose session holds a lock of the database.

A replica that is killed, cut off or frozen loses its session, and with it the lock and the
transaction that it was in: the database ends a session that has been silent for too long.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

from sqlalchemy import Connection, text

from chassis.database import Database, translated_errors
from chassis.errors import Unavailable
from chassis.isolation.transactions import stand_alone
from chassis.logs import get_logger
from chassis.telemetry import metrics

ALWAYS = "SELECT true"
SILENT_SECONDS = 3.0  # then a leader counts as frozen
BEAT_SECONDS = 0.5
TRY_SECONDS = 0.25
_log = get_logger(__name__)
_BEGIN_SESSION = text(
    """SELECT set_config('application_name', :name, false),
    set_config('synchronous_commit', :commits_wait, false),
    set_config('idle_session_timeout', :silent, false),
    set_config('idle_in_transaction_session_timeout', :silent, false)"""
)
_TRY = text("SELECT pg_try_advisory_lock(:key)")


class Leadership:
    """One role's advisory lock, on a session that does nothing but what the leader does.

    It may be used by several threads: followers share one.

    Args:
        database: Reached directly: through a pool of sessions the lock would be somebody else's.
        key: The lock's number.
        role: Its name, for the log and the metric.
        commits_wait: Whether a commit on the session waits for the disk.
        silent_seconds: After how long a silent session ends.  Somebody must ``beat`` more often.
        try_seconds: How often another replica asks for the lock.
    """

    def __init__(
        self,
        database: Database,
        key: int,
        role: str,
        *,
        commits_wait: bool = True,
        silent_seconds: float = SILENT_SECONDS,
        try_seconds: float = TRY_SECONDS,
    ) -> None:
        self._database = database
        self._key = key
        self._role = role
        self._opening = {
            "name": f"sixfold {role} {os.getpid()}",
            "silent": f"{round(silent_seconds * 1000)}ms",
            "commits_wait": "on" if commits_wait else "off",
        }
        self._try_seconds = try_seconds
        self._turn = RLock()
        self._session: Connection | None = None
        self._leading = False
        self._next_try = 0.0
        # One that never led must be seen not to: nobody leads where all are 0.
        metrics.record(metrics.LEADING, 0, role=role)
        self._opened_with = ""

    def acquire(self, look: str = ALWAYS) -> bool:
        """Become the leader, or confirm still being it; False while somebody else is.

        Args:
            look: A query for whether there is anything to lead; False where there is not.
                It is the confirmation too, so an idle leader costs one statement a look.

        Raises:
            Unavailable: the session is lost, and with it the lock, or cannot be had.
        """
        self._renew()
        with self._speaking() as session:
            if not self._leading and not self._try(session):
                return False
            return bool(session.execute(text(look)).scalar())

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction that commits when the block ends, if this still leads by then.

        Raises:
            Unavailable: it does not lead any more; nothing stands.
        """
        with self._speaking() as session:
            if not self._leading:
                raise Unavailable(f"another replica is the {self._role}")
            session.exec_driver_sql("BEGIN")
            try:
                yield session
            except BaseException:
                self.release()
                raise
            session.exec_driver_sql("COMMIT")

    def beat(self) -> None:
        """Let the database hear that this replica lives, while a step takes its time.

        Raises:
            Unavailable: the session is lost.
        """
        if self._session is None or not self._turn.acquire(blocking=False):
            return  # whoever has the turn speaks
        try:
            with self._speaking() as session:
                session.execute(text(ALWAYS))
        finally:
            self._turn.release()

    def release(self) -> None:
        """Close the session, and with it the lock."""
        with self._turn:
            session, self._session = self._session, None
            self._note(leading=False)
            if session is not None:
                session.invalidate()
                session.close()

    def _renew(self) -> None:
        """Give a session up that was opened before the password was renewed, between two steps."""
        if self._session is not None and self._opened_with != self._database.address.now():
            self.release()

    @contextmanager
    def _speaking(self) -> Iterator[Connection]:
        with self._turn:
            try:
                with translated_errors():
                    yield self._opened()
            except Unavailable:
                self.release()
                raise

    def _opened(self) -> Connection:
        if self._session is None:
            self._opened_with = self._database.address.now()
            self._session = self._database.engine.connect()
            stand_alone(self._session)
            self._session.execute(_BEGIN_SESSION, self._opening)
            self._next_try = 0.0
        return self._session

    def _try(self, session: Connection) -> bool:
        now = time.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + self._try_seconds
        self._note(leading=bool(session.execute(_TRY, {"key": self._key}).scalar()))
        return self._leading

    def _note(self, *, leading: bool) -> None:
        if leading != self._leading:
            _log.info("leader.leads" if leading else "leader.leaves", role=self._role)
            metrics.record(metrics.LEADING, int(leading), role=self._role)
        self._leading = leading


def beat_all(leaderships: Sequence[Leadership]) -> int:
    """Beat for every leader; a lost one is found by its own next step.  Returns 0."""
    for leadership in leaderships:
        try:
            leadership.beat()
        except Unavailable:
            continue
    return 0
