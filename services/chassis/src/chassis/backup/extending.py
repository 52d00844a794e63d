"""Put more of a log's own events behind what a restore gave back, up to a position.

They come from a later backup of the same log, or from its segments, and must continue every lane's
chain.  Read models, processes and consumers follow them as they follow any news; what commands
check in their own transaction is folded here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice

from sqlalchemy import Connection

from chassis import checkpoints, direct
from chassis.backup.manifest import BrokenBackup
from chassis.backup.tables import as_owner
from chassis.blueprint import Blueprint
from chassis.context import digest_of
from chassis.envelope import COLUMNS, Stored, recorded_of
from chassis.errors import Rejected
from chassis.log import LaneHead, Place, Span
from chassis.log_copy import COPY_EVENTS, COPY_POSITIONS, EventLines, PlaceLines
from chassis.log_rows import REMEMBER_COMMAND, outcome_text
from chassis.log_verify import BrokenLog, check_place
from chassis.storage import Storage, live_log_on

BATCH = 2_000
_ALL = (*COLUMNS, "position", "prev", "chain")
_INSERT = f"INSERT INTO events ({', '.join(_ALL)}) VALUES ({', '.join('?' * len(_ALL))})"  # noqa: S608  # our own names
_DRAW = "SELECT nextval('event_rows') FROM generate_series(1, :wanted)"
_MAKE_ROOM = """SELECT add_partitions('events', :row), add_partitions('positions', :position)"""
_UNPLACED = """SELECT CAST(e.id AS text), e.row_id FROM pending p
JOIN events e ON e.row_id BETWEEN p.first AND p.last"""
# Streams whose events are all in segments keep what the copy says of them.
_STREAMS = (
    """DELETE FROM streams s WHERE NOT EXISTS (SELECT FROM released) AND NOT EXISTS (
        SELECT FROM events e WHERE e.tenant = s.tenant AND e.stream = s.stream)""",
    """INSERT INTO streams (tenant, stream, version)
        SELECT tenant, stream, max(version) FROM events GROUP BY tenant, stream
        ON CONFLICT (tenant, stream) DO UPDATE SET version = excluded.version""",
)
_HEADS = """UPDATE heads h SET position = p.position, chain = p.chain FROM positions p
WHERE p.lane = h.lane AND p.position = (
    SELECT max(q.position) FROM positions q WHERE q.lane = h.lane)"""
# Of a command that recorded something, only once all of that is here.
KNOWN_COMMANDS = {
    "postgresql": """INSERT INTO commands (tenant, command_id, digest, outcome)
        SELECT c.tenant, c.command_id, c.digest, c.outcome FROM {source} c WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(CAST(c.outcome AS jsonb)) o WHERE NOT EXISTS (
                SELECT FROM streams s WHERE s.tenant = c.tenant AND s.stream = o ->> 0
                    AND s.version >= CAST(o ->> 2 AS int)))
        ON CONFLICT DO NOTHING""",
    "sqlite": """INSERT INTO commands (tenant, command_id, digest, outcome)
        SELECT c.tenant, c.command_id, c.digest, c.outcome FROM {source} c WHERE NOT EXISTS (
            SELECT 1 FROM json_each(c.outcome) o WHERE NOT EXISTS (
                SELECT 1 FROM events e WHERE e.tenant = c.tenant
                    AND e.stream = json_extract(o.value, '$[0]')
                    AND e.version = json_extract(o.value, '$[2]')))
        ON CONFLICT DO NOTHING""",
}
_REACTIONS = ("reader:", "timer")


class TooEarly(Rejected):
    """The copy already has later events than are wanted; take a later position."""

    code = "too_early"


@dataclass(frozen=True, kw_only=True, slots=True)
class Extended:
    """How far a log was extended.

    Args:
        before: Its last position until then.
        after: Its last position now.
    """

    before: int
    after: int


def extend(
    db: Connection,
    events: Iterable[Stored],
    *,
    upto: int,
    storage: Storage,
    blueprint: Blueprint,
) -> Extended:
    """Append events to a restored log that nobody uses yet; all in the caller's transaction.

    Args:
        db: The transaction, of the owner.
        events: All that follow the log, in position order.
        upto: The last position that is wanted.
        storage: Of the service, for what it folds in its own transactions.
        blueprint: The service.

    Raises:
        BrokenBackup: the events do not continue this log.
        TooEarly: the copy has events that stand behind ``upto``.
    """
    log = live_log_on(db)
    before, heads = log.head(), dict(log.lane_heads())
    following = (event for event in events if before < event.position <= upto)
    after = before
    # What the copy has without a position is in its tables already: it only needs a place.
    here = dict(direct.tuples(db, _UNPLACED)) if db.dialect.name != "sqlite" else {}
    while batch := list(islice(following, BATCH)):
        after = _checked(batch, after, heads)
        new = [event for event in batch if event.id not in here]
        _write(db, batch, new, here)
        _fold(db, new, storage, blueprint)
        for event in batch:
            here.pop(event.id, None)
    if after < upto:
        raise BrokenBackup(f"{storage.service}: there are events up to {after}, not {upto}")
    if here:
        raise TooEarly(f"{storage.service}: the copy has events that come after position {upto}")
    if db.dialect.name != "sqlite":
        for statement in (*_STREAMS, _HEADS, "DELETE FROM pending"):
            direct.execute(db, statement)
    for gateway in blueprint.gateways:
        # What was called outside was called: nobody is paid or written to twice.
        checkpoints.put(db, gateway, after)
    return Extended(before=before, after=after)


def remember_reactions(db: Connection, events: Iterable[Stored], secret: bytes) -> None:
    """Note what readers and timers did, whose commands can be known from their events alone."""
    done = (event for event in events if event.actor.startswith(_REACTIONS))
    for (tenant, command_id), of_one in groupby(done, key=lambda e: (e.tenant, e.command_id)):
        row = {
            "tenant": tenant,
            "command_id": command_id,
            "digest": digest_of(secret, command_id.encode()),
            "outcome": outcome_text(list(_spans(of_one))),
        }
        direct.execute(db, REMEMBER_COMMAND, row)


def _spans(events: Iterable[Stored]) -> Iterator[Span]:
    by_stream: dict[str, list[int]] = {}
    for event in events:
        by_stream.setdefault(event.stream, []).append(event.version)
    for stream, versions in by_stream.items():
        yield Span(stream=stream, first=min(versions), last=max(versions))


def _checked(batch: list[Stored], after: int, heads: dict[int, LaneHead]) -> int:
    for event in batch:
        after += 1
        try:
            check_place(event, after, heads.get(event.lane, LaneHead()))
        except BrokenLog as broken:
            raise BrokenBackup(f"it does not continue the restored log: {broken}") from broken
        heads[event.lane] = LaneHead(position=event.position, chain=bytes(event.chain))
    return after


def _write(db: Connection, batch: list[Stored], new: list[Stored], here: Mapping[str, int]) -> None:
    if db.dialect.name == "sqlite":
        direct.execute_many(db, _INSERT, [tuple(event) for event in new])
        return
    width = len(COLUMNS)
    drawn = [row for (row,) in direct.tuples(db, _DRAW, {"wanted": len(new)})]
    last = max([*drawn, *here.values()])
    direct.execute(db, _MAKE_ROOM, {"row": last, "position": batch[-1].position})
    rows = dict(zip((event.id for event in new), drawn, strict=True)) | dict(here)
    places = [
        Place(position=each.position, lane=each.lane, prev=each.prev, chain=bytes(each.chain))
        for each in batch
    ]
    with as_owner(db, "events"):
        direct.copy(db, COPY_EVENTS, EventLines(drawn, (tuple(each)[:width] for each in new)))
    with as_owner(db, "positions"):
        lines = PlaceLines([rows[event.id] for event in batch], places)
        direct.copy(db, COPY_POSITIONS, lines)


def _fold(db: Connection, batch: list[Stored], storage: Storage, blueprint: Blueprint) -> None:
    """Fold into what commands check: it is written with the events, and by nobody later."""
    if not blueprint.inline:
        return
    recorded = [recorded_of(event) for event in batch]
    facts = [(storage.registry.decode(each, storage.keys), each) for each in recorded]
    for projection in blueprint.inline:
        projection.apply_all(facts, db)
