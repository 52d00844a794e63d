"""``python -m bench.long_log --events N``: one log through everything that is done with a log.

Each step runs in a process of its own, which tells its rate and its peak memory: bulk appends,
numbering, publishing, a consumer that starts with the whole backlog, segments, checks of log and
segments, lanes read from both, and a read model built from the first event.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kombu.connection import Connection

from bench.long_log_steps import LIMIT_SECONDS, SERVICE, STEPS, Where, metadata
from chassis.database import Database
from chassis.migrations import migrate
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.topology import ordered_queues

MEGA = 1 << 20


def main() -> None:
    """Run every step on servers of its own; or one step, for the call from inside."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--steps", nargs="*", choices=STEPS, default=list(STEPS))
    arguments.add_argument("--step", choices=STEPS)
    arguments.add_argument("--url", default="")
    arguments.add_argument("--uri", default="")
    arguments.add_argument("--place", default="")
    asked = arguments.parse_args()
    if asked.step:
        where = Where(url=asked.url, uri=asked.uri, place=asked.place, events=asked.events)
        print("\n" + json.dumps(measured(asked.step, where)))
    else:
        run(asked.events, asked.steps)


def run(events: int, steps: list[str]) -> None:
    """Run steps one after the other on servers of their own."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs as another user than root
        with (
            PrivatePostgreSQL(folder / "postgresql") as postgresql,
            PrivateRabbitMQ(folder / "rabbitmq") as rabbitmq,
        ):
            where = Where(
                url=postgresql.database("long_log"),
                uri=rabbitmq.vhost("long_log"),
                place=str(folder / "segments"),
                events=events,
            )
            prepare(where)
            for step in steps:
                print(said(step, in_own_process(step, where)), flush=True)


def prepare(where: Where) -> None:
    """Make the tables and the consumer's queues."""
    migrate(where.url, "bench.subscriber")
    database = Database(where.url)
    with database.begin() as db:
        metadata.create_all(db)
    database.close()
    with Connection(where.uri) as broker:
        channel = broker.channel()
        for queue in ordered_queues("subscriber", SERVICE):
            queue(channel).declare()


def in_own_process(step: str, where: Where) -> dict[str, Any]:
    """Run a step in a fresh process; return what it measured."""
    options = {"url": where.url, "uri": where.uri, "place": where.place, "events": where.events}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-m", "bench.long_log", "--step", step, *words],
        check=True,
        stdout=subprocess.PIPE,
        timeout=LIMIT_SECONDS,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(step: str, where: Where) -> dict[str, Any]:
    """Run a step; return its seconds, events and peak memory in MiB."""
    database, before = Database(where.url), _peak()
    began, worked = time.monotonic(), time.process_time()
    events, other = STEPS[step](database, where)
    seconds, worked = time.monotonic() - began, time.process_time() - worked
    database.close()
    peak = other or _peak()
    return {
        "seconds": seconds, "processor": worked, "events": events, "peak": peak, "start": before,
    }  # fmt: skip


def said(step: str, figures: Mapping[str, Any]) -> str:
    """Return one step's figures as a line."""
    events, seconds = figures["events"], figures["seconds"]
    return (
        f"{step:24}{events:>12,} events {seconds:8.1f} s {events / seconds:>10,.0f}/s   "
        f"peak {figures['peak']:4.0f} MiB, {figures['start']:4.0f} before it began"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGA


if __name__ == "__main__":
    main()
