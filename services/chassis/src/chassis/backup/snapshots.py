"""Several databases seen at one moment: no reader is further than the log that it reads.

Each database is seen in a transaction of its own, all of them opened together.  Where a reader
has seen an event that the view of its source has not, the source is looked at anew: so what is
restored never has a reader in front of its log.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from chassis import checkpoints, direct
from chassis.database import Database, translated_errors
from chassis.errors import Conflict
from chassis.log import LaneHead
from chassis.storage import live_log_on
from chassis.topology import subscription_name

LOOKS = 200
_SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    # Between two tables a copy may wait long for its store.
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL statement_timeout = 0",
)


class TooBusy(Conflict):
    """The databases never showed one moment; try again."""

    code = "too_busy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """What every database shows of one moment.

    Args:
        views: Open transactions, by service.
        looks: How often databases were looked at until none was ahead of another.
    """

    views: Mapping[str, Connection]
    looks: int


@contextmanager
def one_moment(databases: Mapping[str, Database], *, looks: int = LOOKS) -> Iterator[Moment]:
    """Look at several services' databases together, for as long as the block lasts.

    Raises:
        TooBusy: in so many looks a reader was always ahead of its source.
        Unavailable: a database does not answer.
    """
    with ExitStack() as stack, translated_errors():
        views = {
            service: stack.enter_context(_connected(database))
            for service, database in databases.items()
        }
        for view in views.values():
            _begin(view)
        behind = list(views)
        for number in range(1, looks + 1):
            for service in behind:
                _look(views[service], again=number > 1)
            behind = _behind(views)
            if not behind:
                yield Moment(views=views, looks=number)
                return
        raise TooBusy(f"{', '.join(behind)} never stood still for one moment of all")


@contextmanager
def _connected(database: Database) -> Iterator[Connection]:
    with database.engine.connect().execution_options(reads_only=True) as db:
        try:
            yield db
        finally:
            db.rollback()


def _begin(view: Connection) -> None:
    view.begin()
    if view.dialect.name != "sqlite":
        for setting in _SETTINGS:
            direct.execute(view, setting)


def _look(view: Connection, *, again: bool) -> None:
    """See a database as it is now: the first query of its transaction fixes what the rest see."""
    if again:
        view.rollback()
        _begin(view)
    catalogue = "sqlite_master" if view.dialect.name == "sqlite" else "pg_class"
    direct.scalar(view, f"SELECT count(*) FROM {catalogue}")  # noqa: S608  # one of two names


def _behind(views: Mapping[str, Connection]) -> list[str]:
    """Return the services whose logs are shorter than what some reader has seen of them."""
    logs = [service for service, view in views.items() if inspect(view).has_table("checkpoints")]
    heads = {source: live_log_on(views[source]).lane_heads() for source in logs}
    return [source for source in logs if any(_ahead(views[r], r, source, heads) for r in logs)]


def _ahead(
    view: Connection, reader: str, source: str, heads: Mapping[str, Mapping[int, LaneHead]]
) -> bool:
    seen = checkpoints.load(view, subscription_name(reader, source))
    known = heads[source]
    return any(at.position > known.get(lane, LaneHead()).position for lane, at in seen.items())
