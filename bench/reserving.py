"""Reservations of one hot article by 16 concurrent buyers, beside a counter row under a lock.

Both with fsync on.  Ours are events of the stock's stream, each with a command id of its own,
decided by the rules of ``commerce.stock`` from all that is held already; the counter is one row
that each buyer locks, lowers and commits with a row of its own, by psycopg2 alone, in threads,
which are faster for it than greenlets.  Ours run once in greenlets, as a worker serves requests,
and once in threads, which wait for each other's turn with the interpreter.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import psycopg2

from bench.appending import rate
from bench.logs import fresh_log
from bench.peers import figure_of_process
from bench.results import Result, paired
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.ids import new_id
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from chassis.testing.servers import PrivatePostgreSQL
from commerce.events import registry
from commerce.stock import STOCK, Place, Receive, Reserve, Stock, Wanted

UNITS, WRITERS, EACH, ROUNDS = 100_000, 16, 300, 5
Together = Callable[[Callable[[int], None], int, int], float]
PLACE = Place(sku="drop", location="main")
COUNTER = "CREATE TABLE counter (sku text PRIMARY KEY, qty integer NOT NULL)"
STOCKED = f"INSERT INTO counter VALUES ('{PLACE.sku}', {UNITS})"  # noqa: S608  # our own
TAKEN = "CREATE TABLE reservations (id uuid PRIMARY KEY, sku text NOT NULL, qty integer NOT NULL)"
_LOOK = "SELECT qty FROM counter WHERE sku = %s FOR UPDATE"
_TAKE = "UPDATE counter SET qty = qty - 1 WHERE sku = %s"
_NOTE = "INSERT INTO reservations (id, sku, qty) VALUES (%s, %s, 1)"


class Miscounted(Exception):
    """What is in the books is not what the buyers were told."""


def reserve_vs_counter(postgresql: PrivatePostgreSQL) -> Result:
    """Compare 16 greenlets of a worker with the counter's 16 threads."""
    return _beside_the_counter(postgresql, "reserve_vs_counter", _reserves_in_a_worker)


def reserve_in_threads_vs_counter(postgresql: PrivatePostgreSQL) -> Result:
    """Compare 16 threads with the counter's 16 threads."""
    return _beside_the_counter(postgresql, "reserve_in_threads_vs_counter", _reserves_here)


def _beside_the_counter(
    postgresql: PrivatePostgreSQL, key: str, reserving: Callable[[str], float]
) -> Result:
    """Compare in interleaved rounds: the first of a pair changes, so that neither is favoured."""
    pairs = []
    for number in range(ROUNDS):
        name = f"reserve_{number}"
        url = postgresql.database(name)
        with fresh_log(url, COUNTER, STOCKED, TAKEN):
            if number % 2:
                counted = _counts(postgresql.dsn(name))
                pairs.append((reserving(url), counted))
            else:
                ours = reserving(url)
                pairs.append((ours, _counts(postgresql.dsn(name))))
        postgresql.drop_database(name)
    return paired(key, "reservations/s", pairs)


def reserves(database: Database, together: Together, each: int = EACH) -> float:
    """Return how many reservations a second buyers get, and check that all of them are kept.

    Args:
        database: An empty log.
        together: Lets the buyers run, as ``bench.appending.rate`` does.
        each: How many each of them reserves.
    """
    storage = _storage(database)
    storage.hot.execute(context(), STOCK, PLACE, Receive(place=PLACE, qty=UNITS))
    expires = NOW + timedelta(minutes=15)

    def buy(_: int) -> None:
        for _ in range(each):
            order = new_id()
            line = Wanted(reservation=f"{order}.1.0", qty=1)
            wanted = Reserve(place=PLACE, order_id=order, lines=(line,), expires_at=expires)
            storage.hot.execute(context(), STOCK, PLACE, wanted)

    found = together(buy, WRITERS, each)
    _check(_folded(database), WRITERS * each)
    return found


def _reserves_here(url: str) -> float:
    database = Database(url, pool_size=WRITERS)
    try:
        return reserves(database, rate)
    finally:
        database.close()


def _reserves_in_a_worker(url: str) -> float:
    return figure_of_process("bench.reserving_in_a_worker", url)


def _storage(database: Database) -> Storage:
    return Storage(
        service="commerce",
        database=database,
        registry=registry,
        keys=MemoryKeys(),
        clock=SystemClock(),
        secret=SECRET,
    )


def _folded(database: Database) -> Stock:
    """Return the stock as somebody finds it who was not there: folded from the first event."""
    with _storage(database).begin(context()) as work:
        return work.load(STOCK, PLACE).state


def _check(stock: Stock, sold: int) -> None:
    """Raise Miscounted when more was promised than is there, or other than was told."""
    if stock.available < 0 or stock.promised != sold or len(stock.held) != sold:
        raise Miscounted(f"{sold} were sold, {stock.promised} are promised of {stock.on_hand}")


def _counts(dsn: str) -> float:
    connections = [psycopg2.connect(dsn) for _ in range(WRITERS)]

    def buy(writer: int) -> None:
        with closing(connections[writer]) as connection, connection.cursor() as cursor:
            for _ in range(EACH):
                cursor.execute(_LOOK, (PLACE.sku,))
                if (cursor.fetchone() or (0,))[0] < 1:
                    raise Miscounted("the counter is empty")
                cursor.execute(_TAKE, (PLACE.sku,))
                cursor.execute(_NOTE, (str(new_id()), PLACE.sku))
                connection.commit()

    return rate(buy, WRITERS, EACH)
