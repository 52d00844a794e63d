"""Which queues of a subscription each of its workers takes, agreed in the service's database.

A worker's row says which shares it holds and until when, by the database's clock.  Every
worker renews its own row, gives up what is more than its fair part, and takes what nobody
holds: one that dies or freezes is missing from the count once its row has run out.  Leases
divide the work; what keeps two workers from handling one event is the checkpoint.
"""

import time
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table

from chassis import direct
from chassis.database import Database
from chassis.errors import Conflict, Unavailable
from chassis.faults import reach
from chassis.logs import get_logger
from chassis.topology import SHARES

LEASE_SECONDS = 6.0
RENEWALS = 4  # in the life of a lease: a few may fail
LOOK_SECONDS = 0.1
EVERY_SHARE = frozenset(range(SHARES))
Share = int
_MICROS = 1_000_000
_log = get_logger(__name__)


def define_table(metadata: MetaData) -> Table:
    """Add the ``leases`` table to a service's own metadata."""
    return Table(
        "leases",
        metadata,
        Column("name", String(200), primary_key=True),
        Column("worker", String(200), primary_key=True),
        Column("shares", String(100), nullable=False),
        Column("until", BigInteger, nullable=False),
    )


_NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
}
# Two who begin at once must see each other; SQLite's writers take turns anyway.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('leases ' || :name, 0))"
_ALIVE = {
    dialect: f"SELECT worker, shares FROM leases WHERE name = :name AND until > {now}"  # noqa: S608
    for dialect, now in _NOW.items()
}
_FORGET_DEAD = {
    dialect: f"DELETE FROM leases WHERE name = :name AND until <= {now}"  # noqa: S608
    for dialect, now in _NOW.items()
}
_HOLD = {
    dialect: f"""INSERT INTO leases (name, worker, shares, until)
    VALUES (:name, :worker, :shares, {now} + :micros) ON CONFLICT (name, worker)
    DO UPDATE SET shares = excluded.shares, until = excluded.until"""  # noqa: S608
    for dialect, now in _NOW.items()
}
_LEAVE = "DELETE FROM leases WHERE name = :name AND worker = :worker"


class Shares(Protocol):
    """Which of a subscription's queues a consumer should take."""

    @property
    def wanted(self) -> AbstractSet[Share]:
        """What it should take from now on."""

    def use(self, shares: AbstractSet[Share]) -> None:
        """Say what it takes; what it lets go of may be given to others."""


class EveryShare:
    """A subscription with one consumer, which takes every queue."""

    wanted: AbstractSet[Share] = EVERY_SHARE

    def use(self, shares: AbstractSet[Share]) -> None:
        """Nobody else waits for what it lets go of."""


class Leases:
    """The shares that one worker holds of one subscription.

    Args:
        name: The subscription.
        worker: Who; a worker that comes back under its name finds its own lease.
        seconds: How long a lease holds without being renewed.
    """

    def __init__(
        self, database: Database, name: str, worker: str, *, seconds: float = LEASE_SECONDS
    ) -> None:
        self._database = database
        self._name = name
        self._worker = worker
        self._seconds = seconds
        self._used: frozenset[Share] = frozenset()
        self._left = False
        self.wanted: frozenset[Share] = frozenset()

    def use(self, shares: AbstractSet[Share]) -> None:
        """Say which queues are being taken from; they stay in the row until let go of."""
        self._used = frozenset(shares)

    def renew(self) -> None:
        """Hold on to the shares, and take or give up what a fair division asks for.

        Raises:
            Unavailable, Conflict: the database did not answer; the lease goes on running out.
        """
        with self._database.begin() as db:
            held = alive(db, self._name)
            if self._left:
                return
            others = {worker: kept for worker, kept in held.items() if worker != self._worker}
            taken: frozenset[Share] = frozenset().union(*others.values())
            mine = (held.get(self._worker, self._used) | self._used) - taken
            wanted = fair_part({**others, self._worker: mine}, self._worker)
            hold(db, self._name, self._worker, wanted | (self._used - taken), self._seconds)
        if wanted != self.wanted:
            _log.info("subscription.shares", subscription=self._name, shares=sorted(wanted))
        self.wanted = wanted
        reach(f"{self._name}.renewed")

    def leave(self) -> None:
        """Give everything back at once; raises Unavailable."""
        self.wanted, self._left = frozenset(), True
        with self._database.begin() as db:
            alive(db, self._name)  # a renewal that is under way must not come after it
            direct.execute(db, _LEAVE, {"name": self._name, "worker": self._worker})

    def keep(self, stopped: Callable[[], bool]) -> None:
        """Renew several times in the life of a lease until stopped."""
        due = 0.0
        while not stopped():
            if time.monotonic() >= due:
                due = time.monotonic() + self._seconds / RENEWALS
                self._renew_if_possible()
            time.sleep(LOOK_SECONDS)

    def _renew_if_possible(self) -> None:
        try:
            self.renew()
        except (Conflict, Unavailable) as error:
            _log.warning("subscription.lease", subscription=self._name, reason=str(error))
        except Exception:  # noqa: BLE001  # said and tried again: without renewals the work stops
            _log.exception("subscription.lease", subscription=self._name)


def alive(db: Connection, name: str) -> dict[str, frozenset[Share]]:
    """Return what each living worker holds, and keep others from changing it until the commit."""
    dialect, values = db.dialect.name, {"name": name}
    if dialect == "postgresql":
        direct.rows(db, _ONE_AT_A_TIME, values)
    direct.execute(db, _FORGET_DEAD[dialect], values)
    found = direct.rows(db, _ALIVE[dialect], values)
    return {row["worker"]: _shares(row["shares"]) for row in found}


def hold(db: Connection, name: str, worker: str, shares: Collection[Share], seconds: float) -> None:
    """Write down what a worker holds for so many seconds from now."""
    row: dict[str, Any] = {
        "name": name,
        "worker": worker,
        "shares": ",".join(map(str, sorted(shares))),
        "micros": int(seconds * _MICROS),
    }
    direct.execute(db, _HOLD[db.dialect.name], row)


def fair_part(held: Mapping[str, AbstractSet[Share]], worker: str) -> frozenset[Share]:
    """Return what one of several workers should hold: at most one share more than any other.

    Who holds more keeps the odd share, so that nothing moves that need not.

    >>> sorted(fair_part({"a": EVERY_SHARE, "b": frozenset()}, "a"))
    [0, 1]
    >>> fair_part({"a": EVERY_SHARE, "b": frozenset()}, "b")
    frozenset()
    >>> sorted(fair_part({"a": frozenset({0, 1}), "b": frozenset()}, "b"))
    [2, 3]
    """
    mine = sorted(held[worker])
    due = _due(held, worker)
    free = sorted(EVERY_SHARE.difference(*held.values()))
    return frozenset([*mine[:due], *free[: max(0, due - len(mine))]])


def _due(held: Mapping[str, AbstractSet[Share]], worker: str) -> int:
    order = sorted(held, key=lambda name: (-len(held[name]), name))
    whole, odd = divmod(SHARES, len(order))
    return whole + (order.index(worker) < odd)


def _shares(text: str) -> frozenset[Share]:
    return frozenset(int(share) for share in text.split(",") if share)
