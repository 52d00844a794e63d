"""Appends that are alone in their transaction: neighbours in one process share a commit.

Only those of one tenant do: a transaction of the application is bound to one.
"""

from collections.abc import Sequence
from datetime import datetime
from threading import BoundedSemaphore, Lock
from typing import Any, Protocol
from weakref import WeakValueDictionary

from chassis.context import Context
from chassis.database import Database
from chassis.errors import Conflict
from chassis.faults import reach
from chassis.group_commit import GoAlone, GroupCommit
from chassis.log import Append, Appended, Written, rows_of, spans_of
from chassis.log_postgresql import PostgresqlLog, append_each
from chassis.log_sqlite import SqliteLog

FEW = 8
ABREAST = 8
"""How many batches of all tenants are written at a time, each on a connection of its own."""


class Appender(Protocol):
    """Whatever records events: a log inside a transaction, or ``Appending`` by itself."""

    def __call__(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events, all or none."""


Wish = tuple[Context, Append, datetime]
Answer = tuple[str, Sequence[tuple[Any, ...]]]


class Appending:
    """Records commands whose only writing is their events.

    Args:
        database: Holds the log.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._groups: WeakValueDictionary[str, GroupCommit[Wish, Answer]] = WeakValueDictionary()
        self._room = BoundedSemaphore(ABREAST)

    def append(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events in a transaction of their own, all or none.

        Raises:
            Conflict: a stream does not have its expected version.
            CommandReused: the command id belongs to another command.
            Unavailable: the database does not answer.
        """
        if self._database.is_sqlite or not shareable(
            len(appends), sum(len(append.drafts) for append in appends)
        ):
            return self._alone(context, appends, recorded_at)
        key = (context.tenant, appends[0].stream)
        try:
            group = self._group_of(context.tenant)
            answer, rows = group.submit((context, appends[0], recorded_at), key)
        except GoAlone:
            return self._alone(context, appends, recorded_at)
        if answer == "lost":
            raise Conflict("a stream has moved on")
        if answer == "repeated":  # or reused for another command: that is told apart there
            return self._alone(context, appends, recorded_at)
        return Appended(events=Written(rows), spans=spans_of(appends))

    def _group_of(self, tenant: str) -> GroupCommit[Wish, Answer]:
        group = self._groups.get(tenant)
        if group is None:
            with self._lock:
                group = self._groups.get(tenant) or GroupCommit[Wish, Answer](self._together)
                self._groups[tenant] = group
        return group

    def _alone(
        self, context: Context, appends: Sequence[Append], recorded_at: datetime
    ) -> Appended:
        with self._database.begin(context.tenant) as db:
            log = SqliteLog(db) if self._database.is_sqlite else PostgresqlLog(db)
            return log.append(context, appends, recorded_at=recorded_at)

    def _together(self, wishes: Sequence[Wish]) -> Sequence[Answer]:
        # One thread makes all rows: sixteen would keep waking each other for the interpreter.
        commands = [
            (context, append, rows_of(context, [append], at)) for context, append, at in wishes
        ]
        with self._room, self._database.autocommit() as connection:
            answers = append_each(connection, commands)
        reach("append.committed")
        return [(answer, rows) for answer, (_, _, rows) in zip(answers, commands, strict=True)]


def shareable(streams: int, events: int) -> bool:
    """Say whether a command is small enough to share a transaction: one stream, few events."""
    return streams == 1 and 0 < events <= FEW
