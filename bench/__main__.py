"""``python -m bench``: measure, print a table, write ``bench/results.json``."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.appending import append_vs_eventsourcing, append_vs_insert
from bench.bulk import bulk_vs_copy
from bench.consuming import consume_vs_nameko
from bench.latency import latencies
from bench.publishing import publish_vs_nameko
from bench.rebuilding import rebuild_vs_per_event
from bench.reserving import reserve_in_threads_vs_counter, reserve_vs_counter
from bench.results import Result
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Run every measurement."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs as another user than root
        with (
            PrivatePostgreSQL(folder / "postgresql") as postgresql,
            PrivateRabbitMQ(folder / "rabbitmq") as rabbitmq,
        ):
            results = [
                append_vs_insert(postgresql),
                append_vs_eventsourcing(postgresql),
                bulk_vs_copy(postgresql),
                reserve_vs_counter(postgresql),
                reserve_in_threads_vs_counter(postgresql),
                publish_vs_nameko(postgresql, rabbitmq),
                consume_vs_nameko(postgresql, rabbitmq),
                *latencies(postgresql, rabbitmq),
                rebuild_vs_per_event(postgresql),
            ]
    RESULTS.write_text(json.dumps([result.as_json() for result in results], indent=1) + "\n")
    Console().print(table_of(results))


def table_of(results: list[Result]) -> Table:
    """Return the results as a table."""
    table = Table()
    for heading in ("key", "value", "unit", "peer", "ratio"):
        table.add_column(heading)
    for result in results:
        table.add_row(
            result.key,
            f"{result.value:.0f}",
            result.unit,
            f"{result.peer:.0f}",
            f"{result.ratio:.2f}",
        )
    return table


if __name__ == "__main__":
    main()
