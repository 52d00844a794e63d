"""Appends by 16 concurrent writers until positions are assigned, beside bare inserts and a peer.

All with fsync on.  The bare insert is the least that can be stored: an id and the same bytes, one
row and one commit by psycopg2 alone, each writer on its own connection.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from bench.logs import DRAFT, divided_log, numbered, wait_for_head
from bench.peers import figure_of
from bench.results import Result, paired
from chassis.appending import Appending
from chassis.database import Database
from chassis.ids import new_id
from chassis.log import Append
from chassis.testing.contexts import NOW, context
from chassis.testing.servers import USER, PrivatePostgreSQL

WRITERS, EVENTS, ROUNDS = 16, 300, 5
PEER_EVENTS, PEER_ROUNDS = 20, 3
BARE = "CREATE TABLE bare (id uuid PRIMARY KEY, data bytea NOT NULL)"
_INSERT = "INSERT INTO bare (id, data) VALUES (%s, %s)"
_PEER = Path(__file__).with_name("peer_eventsourcing.py")


def append_vs_insert(postgresql: PrivatePostgreSQL) -> Result:
    """Compare in interleaved rounds: the first of a pair changes, so that neither is favoured."""
    pairs = []
    for number in range(ROUNDS):
        name = f"append_{number}"
        made = divided_log(postgresql.database(name), BARE, pool_size=WRITERS)
        with made as (database, system):
            if number % 2:
                bare = _inserts(postgresql.dsn(name))
                pairs.append((appends(database, system=system), bare))
            else:
                ours = appends(database, system=system)
                pairs.append((ours, _inserts(postgresql.dsn(name))))
        postgresql.drop_database(name)
    return paired("append_vs_insert", "events/s", pairs)


def append_vs_eventsourcing(postgresql: PrivatePostgreSQL) -> Result:
    """Compare with a library that saves one event at a time, in interleaved rounds."""
    pairs = []
    for number in range(PEER_ROUNDS):
        name = f"peer_{number}"
        with divided_log(postgresql.database(name), pool_size=WRITERS) as (database, system):
            ours = appends(database, system=system)
        postgresql.database(name)
        pairs.append((ours, _saves(postgresql, name)))
        postgresql.drop_database(name)
    return paired("append_vs_eventsourcing", "events/s", pairs)


def appends(
    database: Database,
    writers: int = WRITERS,
    each: int = EVENTS,
    *,
    system: Database | None = None,
) -> float:
    """Return how many appends a second writers get through, positions included.

    Args:
        database: An empty log.
        writers: How many threads.
        each: How many appends each of them makes.
        system: The same as the role that numbers, if that is another.
    """
    appending = Appending(database)

    def write(_: int) -> None:
        for _ in range(each):
            wanted = Append(stream=f"thing-{new_id()}", expected_version=0, drafts=[DRAFT])
            appending.append(context(), [wanted], recorded_at=NOW)

    with numbered(system or database):
        return rate(write, writers, each, lambda: wait_for_head(database, writers * each))


def _inserts(dsn: str) -> float:
    connections = [psycopg2.connect(dsn) for _ in range(WRITERS)]

    def write(writer: int) -> None:
        with closing(connections[writer]) as connection, connection.cursor() as cursor:
            for _ in range(EVENTS):
                cursor.execute(_INSERT, (str(new_id()), DRAFT.data))
                connection.commit()

    return rate(write, WRITERS, EVENTS)


def _saves(postgresql: PrivatePostgreSQL, name: str) -> float:
    settings: dict[str, Any] = {
        "WRITERS": WRITERS,
        "EACH": PEER_EVENTS,
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": name,
        "POSTGRES_HOST": postgresql.directory,
        "POSTGRES_PORT": "5432",
        "POSTGRES_USER": USER,
        "POSTGRES_PASSWORD": "-",
        "POSTGRES_MAX_OVERFLOW": WRITERS,
    }
    return figure_of(_PEER, {key: str(value) for key, value in settings.items()})


def rate(
    write: Callable[[int], None], writers: int, each: int, finish: Callable[[], None] = lambda: None
) -> float:
    """Return how often a second ``writers`` threads do what ``write`` does ``each`` times."""
    began = time.monotonic()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    finish()
    return writers * each / (time.monotonic() - began)
