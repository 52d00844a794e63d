"""A subscription's checkpoints in the service's own database, moved with its handlers' writes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from chassis import checkpoints
from chassis.database import Database
from chassis.delivery import Delivery
from chassis.envelope import Recorded
from chassis.faults import reach
from chassis.log import LaneHead


@dataclass(frozen=True, kw_only=True, slots=True)
class SqlTurn:
    """One open transaction of the service's database."""

    db: Connection
    delivery: Delivery

    def checkpoints(self) -> Mapping[int, LaneHead]:
        """Return how far every lane was read."""
        return checkpoints.load(self.db, self.delivery.name)

    def take(
        self,
        events: Sequence[Recorded],
        before: Mapping[int, LaneHead],
        after: Mapping[int, LaneHead],
    ) -> None:
        """Hand events to their handlers and move the checkpoints; raises Conflict."""
        self.delivery.deliver(self.db, events)
        checkpoints.move_all(self.db, self.delivery.name, before, after)
        reach(f"{self.delivery.name}.before_commit")


class SqlLedger:
    """The ledger of handlers that write to the service's own database."""

    def __init__(self, delivery: Delivery, database: Database) -> None:
        self.delivery = delivery
        self._database = database

    @property
    def name(self) -> str:
        """The subscription's name."""
        return self.delivery.name

    @contextmanager
    def begin(self) -> Iterator[SqlTurn]:
        """Open a transaction that commits when the block ends."""
        with self._database.begin() as db:
            yield SqlTurn(db=db, delivery=self.delivery)

    def checkpoints(self) -> Mapping[int, LaneHead]:
        """Return how far every lane was read, without waiting for writers."""
        with self._database.read() as db:
            return checkpoints.load(db, self.name)

    def retry_due(self, lanes: Sequence[int]) -> int:
        """Try every parked event of some lanes whose time has come; return how many it were."""
        return self.delivery.retry_due(lanes)
