"""``python -m bench.soak --seconds 600``: the memory of every process at half the peak rate.

Two small services run as in production: workers, relays, PostgreSQL, RabbitMQ.  First as many
events as can be are pushed through to find the peak, then half of that flows for the whole time,
beside commands over HTTP that start processes and timers.  A process whose memory still grows
after the first third is named, and the exit code is 1.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import httpx
from sqlalchemy import text

from chassis.database import Database
from chassis.ids import new_id
from chassis.log import Append, Draft
from chassis.log_postgresql import PostgresqlLog
from chassis.testing.contexts import NOW, context
from chassis.testing.faultlab.disk import SmallDisk
from chassis.testing.faultlab.site import Site
from chassis.testing.faultlab.subject import subject_of
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.supervisor import descendants

SUBJECT = "greetings_lab:SUBJECT"
SMALL_SERVICES = Path(__file__).parents[1] / "services/chassis/tests"
PEAK_EVENTS, STREAMS = 20_000, 200
TICK_SECONDS = 0.1
SAMPLE_SECONDS = 5.0
COMMANDS_A_SECOND = 10
GROWTH_MIB = 8.0  # of one process, between the first third's end and the end
DISK = "6g"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The resident memory of every process at one moment, in MiB."""

    at: float
    mebibytes: Mapping[str, float]


class Waves:
    """Appends events that the listener takes in batches, and counts both ends."""

    def __init__(self, greeter: Database, listener: Database) -> None:
        self._greeter, self._listener = greeter, listener
        self._versions = [0] * STREAMS
        self._next = count()
        self.sent = 0

    def send(self, events: int) -> None:
        """Append so many events, ten a stream."""
        appends = []
        for _ in range(0, events, 10):
            stream = next(self._next) % STREAMS
            drafts = [Draft(type="waved", schema_version=1, subjects=(), data=b'{"number":1}')] * 10
            appends.append(
                Append(
                    stream=f"wave-{stream}",
                    expected_version=self._versions[stream],
                    drafts=drafts,
                )
            )
            self._versions[stream] += 10
        for start in range(0, len(appends), STREAMS):
            some = appends[start : start + STREAMS]
            with self._greeter.begin() as db:
                PostgresqlLog(db).append(context(), some, recorded_at=NOW)
            self.sent += 10 * len(some)

    def arrived(self) -> int:
        """Return how many the handler has written down."""
        sql = "SELECT count(*) FROM seen WHERE stream LIKE 'wave-%'"
        with self._listener.read() as db:
            return int(db.scalar(text(sql)) or 0)

    def wait(self, seconds: float) -> None:
        """Wait until all that were sent have arrived; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while self.arrived() < self.sent:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.arrived()} of {self.sent} arrived")
            time.sleep(0.1)


def main() -> None:
    """Find the peak, soak, print the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=600)
    asked = arguments.parse_args()
    with TemporaryDirectory() as scratch, site_in(Path(scratch)) as site:
        waves = Waves(site.places["greeter"].database, site.places["listener"].database)
        began = time.monotonic()
        waves.send(PEAK_EVENTS)
        waves.wait(300)
        peak = PEAK_EVENTS / (time.monotonic() - began)
        print(f"peak {peak:,.0f} events/s from append to handler; half of it now", flush=True)
        samples = soak(site, waves, peak / 2, asked.seconds)
        waves.wait(60)
        print(f"{waves.sent - PEAK_EVENTS:,} events in {asked.seconds:.0f} s, all handled")
    sys.exit(1 if report(samples) else 0)


@contextmanager
def site_in(folder: Path) -> Iterator[Site]:
    """Run the small services."""
    folder.chmod(0o755)  # PostgreSQL runs as another user than root
    sys.path.insert(0, str(SMALL_SERVICES))
    with (
        PrivateRabbitMQ(folder / "rabbitmq") as rabbitmq,
        PrivatePostgreSQL(folder / "postgresql") as postgresql,
        Site(
            subject_of(SUBJECT), folder / "site", rabbitmq, postgresql, disk=SmallDisk(DISK)
        ) as site,
    ):
        yield site


def soak(site: Site, waves: Waves, rate: float, seconds: float) -> list[Sample]:
    """Let events flow at a rate, and commands beside them; return what memory was seen."""
    began, samples, owed = time.monotonic(), list[Sample](), 0.0
    enough = threading.Event()
    customer = threading.Thread(target=_ask, args=(site, enough), daemon=True)
    customer.start()
    last = began
    while (now := time.monotonic()) < began + seconds:
        owed, last = owed + rate * (now - last), now
        if owed >= 10:  # noqa: PLR2004  # a stream's share of one append
            waves.send(int(owed))
            owed -= int(owed) // 10 * 10
        if not samples or now - samples[-1].at >= SAMPLE_SECONDS:
            samples.append(Sample(at=now, mebibytes=memory(site)))
        time.sleep(TICK_SECONDS)
    enough.set()
    customer.join()
    return samples


def _ask(site: Site, enough: threading.Event) -> None:
    with httpx.Client(headers=dict(site.headers()), timeout=30) as client:
        while not enough.wait(1 / COMMANDS_A_SECOND):
            number = int(time.monotonic() * 1000)
            client.post(
                f"{site.addresses('greeter')[0]}/v1/greetings/soak{number % 50}",
                json={"number": number},
                headers={"Idempotency-Key": str(new_id())},
            )


def memory(site: Site) -> dict[str, float]:
    """Return the memory of every process of ours, and of the servers, in MiB."""
    ours = {name: _resident(pid_of(site, name)) for name in site.names}
    broker = descendants(cast("int", _pid(site.rabbitmq)))
    database = descendants(cast("int", _pid(site.postgresql)))
    servers = {"RabbitMQ": sum(map(_resident, broker)), "PostgreSQL": sum(map(_shared, database))}
    return {**ours, **servers}


def pid_of(site: Site, name: str) -> int:
    """Return the number of a process's interpreter, below the one that looks after it."""
    return descendants(cast("int", site.processes[name].pid))[0]


def _pid(server: PrivateRabbitMQ | PrivatePostgreSQL) -> int | None:
    return server.node.process.pid if server.node.process else None


def _resident(process: int) -> float:
    return _from(Path(f"/proc/{process}/status"), "VmRSS")


def _shared(process: int) -> float:
    return _from(Path(f"/proc/{process}/smaps_rollup"), "Pss:")


def _from(file: Path, name: str) -> float:
    try:
        lines = file.read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def report(samples: Sequence[Sample]) -> list[str]:
    """Print each process's memory; return those of ours that grew."""
    settled = samples[len(samples) // 3 :]
    grown = []
    for name in samples[0].mebibytes:
        seen = [sample.mebibytes[name] for sample in settled]
        first, last = _mean(seen[: len(seen) // 4]), _mean(seen[-len(seen) // 4 :])
        print(
            f"{name:20} {samples[0].mebibytes[name]:7.1f} MiB at the start, {first:7.1f} after a "
            f"third, {last:7.1f} at the end, {max(s.mebibytes[name] for s in samples):7.1f} at most"
        )
        if last - first > GROWTH_MIB and name not in ("RabbitMQ", "PostgreSQL"):
            grown.append(name)
    print(f"grown by more than {GROWTH_MIB:.0f} MiB: {', '.join(grown) or 'none'}")
    return grown


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


if __name__ == "__main__":
    main()
