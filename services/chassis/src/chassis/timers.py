"""Durable timers: rows that turn into one event when their time has come."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, Uuid, func, select

from chassis import direct, gate
from chassis.clock import micros, moment
from chassis.context import Context, digest_of
from chassis.faults import reach
from chassis.ids import derived_id
from chassis.storage import Storage
from chassis.telemetry import current_traceparent, span

BATCH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class TimerFired:
    """The moment that a process asked to be told about has come."""

    process: str
    key: str
    name: str
    due_at: datetime


def define_table(metadata: MetaData) -> Table:
    """Add the ``timers`` table to a service's own metadata."""
    return Table(
        "timers",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("process", String(100), primary_key=True),
        Column("key", String(300), primary_key=True),
        Column("name", String(100), primary_key=True),
        Column("due_at", BigInteger, nullable=False, index=True),
        Column("correlation_id", Uuid, nullable=False),
        Column("causation_id", Uuid, nullable=False),
        Column("traceparent", String(60)),
    )


_timers = define_table(MetaData())
_DUE = """SELECT tenant, process, key, name, due_at, correlation_id, causation_id, traceparent
FROM timers WHERE due_at <= :now ORDER BY due_at, tenant, process, key, name LIMIT :limit"""
_SET = """INSERT INTO timers
(tenant, process, key, name, due_at, correlation_id, causation_id, traceparent) VALUES
(:tenant, :process, :key, :name, :due_at, :correlation_id, :causation_id, :traceparent)"""
_CANCEL = """DELETE FROM timers
WHERE tenant = :tenant AND process = :process AND key = :key AND name = :name"""
_TAKE = f"{_CANCEL} AND due_at = :due_at"


def process_stream(process: str, key: str) -> str:
    """Return the stream of one instance of a process."""
    return f"{process}-{key}"


def set_timer(
    db: Connection, context: Context, *, process: str, key: str, name: str, due_at: datetime
) -> None:
    """Ask to be told at ``due_at``; replaces a timer of the same name; raises GateShut."""
    gate.passes("timer")
    cancel_timer(db, context.tenant, process=process, key=key, name=name)
    row = {
        "tenant": context.tenant,
        "process": process,
        "key": key,
        "name": name,
        "due_at": micros(due_at),
        "correlation_id": str(context.correlation_id),
        "causation_id": str(context.causation_id),
        "traceparent": context.traceparent,
    }
    direct.execute(db, _SET, row)


def cancel_timer(db: Connection, tenant: str, *, process: str, key: str, name: str) -> None:
    """Forget a timer; harmless when it fired already; raises GateShut."""
    gate.passes("timer")
    values = {"tenant": tenant, "process": process, "key": key, "name": name}
    direct.execute(db, _CANCEL, values)


def fire_due(storage: Storage, *, limit: int = BATCH) -> int:
    """Record every timer whose time has come, the earliest first.

    Returns:
        How many fired.

    Raises:
        Unavailable: the database does not answer.
        Conflict: the process recorded something at the same time; call again.
    """
    now = micros(storage.clock.now())
    (earliest,) = storage.system.glance("SELECT min(due_at) FROM timers")
    if earliest is None or earliest > now:
        return 0
    with storage.system.read() as db:
        rows = direct.rows(db, _DUE, {"now": now, "limit": limit})
    return sum(_fire(storage, row) for row in rows)


def next_due(db: Connection) -> datetime | None:
    """Return when the earliest timer that has not fired is due."""
    earliest = db.scalar(select(func.min(_timers.c.due_at)))
    return moment(earliest) if earliest else None


def overdue(db: Connection, now: datetime) -> dict[str, int]:
    """Return how many timers of each process should have fired by ``now`` and have not."""
    found = db.execute(
        select(_timers.c.process, func.count())
        .where(_timers.c.due_at <= micros(now))
        .group_by(_timers.c.process)
    )
    return dict(found.tuples().all())


def _fire(storage: Storage, row: direct.Row) -> bool:
    fired = TimerFired(
        process=row["process"], key=row["key"], name=row["name"], due_at=moment(row["due_at"])
    )
    stream = process_stream(fired.process, fired.key)
    attributes = {"sixfold.process": fired.process, "sixfold.tenant": row["tenant"]}
    with (
        span(f"fire {fired.process}", attributes=attributes, parent=row["traceparent"]),
        storage.database.begin(row["tenant"]) as db,
    ):
        if not _take(db, row):
            return False
        work = storage.work_on(db, _context(storage, row, fired))
        if not work.already_done:
            version = len(work.log.stream(work.tenant, stream))
            work.add(stream, [fired], expected_version=version)
        work.flush()
        reach("timer.before_commit")
    return True


def _take(db: Connection, row: direct.Row) -> bool:
    # Since it was read, the timer may have been cancelled, set anew or fired by a neighbour.
    return direct.execute(db, _TAKE, row) == 1


def _context(storage: Storage, row: direct.Row, fired: TimerFired) -> Context:
    # The id derives from what the timer is, so a replay or a second process never fires it again.
    command_id = derived_id(
        row["tenant"], fired.process, fired.key, fired.name, row["due_at"], "timer"
    )
    return Context(
        tenant=row["tenant"],
        actor="timer",
        command_id=command_id,
        digest=digest_of(storage.secret, str(command_id).encode()),
        correlation_id=UUID(str(row["correlation_id"])),
        causation_id=UUID(str(row["causation_id"])),
        traceparent=current_traceparent() or row["traceparent"],
        now=fired.due_at,
    )
