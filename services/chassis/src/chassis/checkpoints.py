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
VALUES (:name, :lane, :position, :chain)"""
_MOVE = """UPDATE checkpoints SET position = :position, chain = :chain
WHERE name = :name AND lane = :lane AND position = :old"""
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
    """Move every lane that changed; raises Conflict."""
    for lane in sorted(new):
        before = old.get(lane, LaneHead())
        if new[lane] != before:
            move(db, name, lane, old=before, new=new[lane])


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


def _open(db: Connection, name: str, lane: int, new: LaneHead) -> bool:
    if direct.scalar(db, _AT, {"name": name, "lane": lane}) is not None:
        return False
    row = {"name": name, "lane": lane, "position": new.position, "chain": new.chain}
    direct.execute(db, _OPEN, row)
    return True
