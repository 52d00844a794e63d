"""How far each reader of a log has come, kept in the reader's own database."""

from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)

from chassis import direct
from chassis.envelope import GENESIS
from chassis.errors import Conflict
from chassis.insertion import insert_once
from chassis.log import LaneHead

WHOLE_LOG = -1


def define_table(metadata: MetaData) -> Table:
    """Add the ``checkpoints`` table to a service's own metadata."""
    return Table(
        "checkpoints",
        metadata,
        Column("name", String(200), primary_key=True),
        Column("lane", Integer, primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("chain", LargeBinary, nullable=False),
    )


_table = define_table(MetaData())
_LOAD = "SELECT lane, position, chain FROM checkpoints WHERE name = :name"
_AT = "SELECT position FROM checkpoints WHERE name = :name AND lane = :lane"
_OPEN = """INSERT INTO checkpoints (name, lane, position, chain)
VALUES (:name, :lane, :position, :chain) ON CONFLICT DO NOTHING"""
_MOVE = """UPDATE checkpoints SET position = :position, chain = :chain
WHERE name = :name AND lane = :lane AND position = :old"""
_OPEN_ALL = """INSERT INTO checkpoints (name, lane, position, chain)
SELECT :name, lane, 0, :genesis FROM unnest(CAST(:lanes AS int[])) AS fresh (lane)
ON CONFLICT DO NOTHING"""
_MOVE_ALL = """UPDATE checkpoints c SET position = moved.position, chain = moved.chain
FROM unnest(CAST(:lanes AS int[]), CAST(:olds AS bigint[]), CAST(:positions AS bigint[]),
    CAST(:chains AS bytea[])) AS moved (lane, old, position, chain)
WHERE c.name = :name AND c.lane = moved.lane AND c.position = moved.old"""
# For a glance: where a reader of a whole log stands.
SEEN = f"SELECT max(position) FROM checkpoints WHERE name = :name AND lane = {WHOLE_LOG}"  # noqa: S608


def load(db: Connection, name: str) -> dict[int, LaneHead]:
    """Return a reader's checkpoints by lane; a lane without one is at position 0."""
    found = direct.rows(db, _LOAD, {"name": name})
    return {
        row["lane"]: LaneHead(position=row["position"], chain=bytes(row["chain"])) for row in found
    }


def names(db: Connection) -> set[str]:
    """Return the name of every reader that has a place."""
    return set(db.scalars(select(_table.c.name).distinct()))


def load_all(db: Connection) -> dict[str, dict[int, LaneHead]]:
    """Return every reader's checkpoints, by its name and by lane."""
    return {name: load(db, name) for name in names(db)}


def position(db: Connection, name: str) -> int:
    """Return the position of a reader of a whole log."""
    return load(db, name).get(WHOLE_LOG, LaneHead()).position


def move(db: Connection, name: str, lane: int, *, old: LaneHead, new: LaneHead) -> None:
    """Move one checkpoint by compare-and-set.

    Raises:
        Conflict: somebody else moved it first; whatever was done for it must be undone.
    """
    if old.position == 0 and _open(db, name, lane, new):
        return
    row = {"name": name, "lane": lane, "position": new.position, "chain": new.chain}
    if direct.execute(db, _MOVE, {**row, "old": old.position}) != 1:
        raise Conflict(f"{name} lane {lane} is no longer at {old.position}")


def move_all(
    db: Connection, name: str, old: Mapping[int, LaneHead], new: Mapping[int, LaneHead]
) -> None:
    """Move every lane that changed, in one statement where each is a round trip.

    Raises:
        Conflict: somebody else moved one of them first.
    """
    moved = {lane: head for lane, head in sorted(new.items()) if head != old.get(lane)}
    if len(moved) > 1 and db.dialect.name == "postgresql":
        _move_together(db, name, {lane: old.get(lane, LaneHead()) for lane in moved}, moved)
        return
    for lane, head in moved.items():
        move(db, name, lane, old=old.get(lane, LaneHead()), new=head)


def move_whole(db: Connection, name: str, *, old: int, new: int) -> None:
    """Move the checkpoint of a reader of a whole log; raises Conflict."""
    if old != new:
        ends = (LaneHead(position=at, chain=GENESIS) for at in (old, new))
        before, after = ends
        move(db, name, WHOLE_LOG, old=before, new=after)


def announce(db: Connection, name: str, lane: int) -> None:
    """Give a reader that has read nothing yet a place, so that its lag can be seen."""
    start = {"name": name, "lane": lane, "position": 0, "chain": GENESIS}
    insert_once(db, _table, start)


def reset(db: Connection, name: str) -> None:
    """Send a reader back to the beginning."""
    db.execute(_table.delete().where(_table.c.name == name))


def hold(db: Connection, name: str) -> int:
    """Return the position of a reader of a whole log, and keep others from it until the commit.

    Whoever holds it is alone with what the reader writes: another relay, a retry of a parked
    event and a swap of read models wait here.
    """
    lock = "" if db.dialect.name == "sqlite" else " FOR UPDATE"
    return int(direct.scalar(db, _AT + lock, {"name": name, "lane": WHOLE_LOG}) or 0)


def put(db: Connection, name: str, position: int) -> None:
    """Give a reader of a whole log a place, whatever it had before."""
    reset(db, name)
    row = {"name": name, "lane": WHOLE_LOG, "position": position, "chain": GENESIS}
    direct.execute(db, _OPEN, row)


def _move_together(
    db: Connection, name: str, old: Mapping[int, LaneHead], new: Mapping[int, LaneHead]
) -> None:
    fresh = [lane for lane in new if old[lane].position == 0]
    if fresh:
        direct.execute(db, _OPEN_ALL, {"name": name, "genesis": GENESIS, "lanes": fresh})
    values = {
        "name": name,
        "lanes": list(new),
        "olds": [old[lane].position for lane in new],
        "positions": [head.position for head in new.values()],
        "chains": [head.chain for head in new.values()],
    }
    if direct.execute(db, _MOVE_ALL, values) != len(new):
        raise Conflict(f"{name}: a lane is no longer where it was")


def _open(db: Connection, name: str, lane: int, new: LaneHead) -> bool:
    if direct.scalar(db, _AT, {"name": name, "lane": lane}) is not None:
        return False
    row = {"name": name, "lane": lane, "position": new.position, "chain": new.chain}
    return direct.execute(db, _OPEN, row) == 1
