"""``python -m bench.lanes``: how publishing and consuming depend on the number of lanes in use.

The same number of events each time, ten in a stream, in streams of the first 1 to 16 lanes: one
publisher from log to confirms, one worker from queues to committed rows.  The best of three runs.
"""

from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.consuming import EVENTS, consume_rate, migrated
from bench.publishing import EACH, bind_reader, fill, publish_rate
from chassis.database import Database
from chassis.ids import LANES, lane_of
from chassis.testing.contexts import context
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ

USED = (1, 2, 4, 8, LANES)
ROUNDS = 3


def main() -> None:
    """Measure, and print a table."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs as another user than root
        with (
            PrivatePostgreSQL(folder / "postgresql") as postgresql,
            PrivateRabbitMQ(folder / "rabbitmq") as rabbitmq,
        ):
            Console().print(_by_lanes(postgresql, rabbitmq))


def streams_in(lanes: int, wanted: int) -> list[str]:
    """Return so many stream names that fall into the first lanes."""
    tenant = context().tenant
    names = (f"thing-{number}" for number in count())
    return list(islice((name for name in names if lane_of(tenant, name) < lanes), wanted))


def _by_lanes(postgresql: PrivatePostgreSQL, rabbitmq: PrivateRabbitMQ) -> Table:
    table = Table("lanes in use", "published/s", "consumed/s")
    best = dict.fromkeys(USED, (0.0, 0.0))
    for number in range(ROUNDS):
        for lanes in USED:
            rates = _rates(postgresql, rabbitmq, f"lanes_{lanes}_{number}", lanes)
            best[lanes] = (max(best[lanes][0], rates[0]), max(best[lanes][1], rates[1]))
    for lanes, rates in best.items():
        table.add_row(str(lanes), *(f"{rate:,.0f}" for rate in rates))
    return table


def _rates(
    postgresql: PrivatePostgreSQL, rabbitmq: PrivateRabbitMQ, name: str, lanes: int
) -> tuple[float, float]:
    streams, uri = streams_in(lanes, EVENTS // EACH), rabbitmq.vhost(name)
    database = Database(postgresql.database(f"{name}_out"))
    fill(database, streams)
    bind_reader(uri)
    published = publish_rate(database, uri)
    database.close()
    rabbitmq.drop_vhost(name)
    uri = rabbitmq.vhost(name)
    consumed = consume_rate(migrated(postgresql, f"{name}_in"), uri, streams)
    rabbitmq.drop_vhost(name)
    return published, consumed


if __name__ == "__main__":
    main()
