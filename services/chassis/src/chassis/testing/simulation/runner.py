"""Run schedules by the thousand, in a process for each core, until one breaks a promise."""

import gc
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from typing import cast

from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer

from chassis import telemetry
from chassis.telemetry import metrics
from chassis.telemetry.guard import Guard, Value
from chassis.testing.simulation.broken import broken
from chassis.testing.simulation.lab import Lab, Violation

CHUNK = 200
TOLD = 10_000  # schedules between two lines of progress
PING_PONG = "chassis.testing.simulation.pingpong.game:make"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of many schedules.

    Args:
        schedules: How many were run.
        seconds: How long that took, starting the processes included.
        violation: The first broken promise, readable; None when all were kept.
    """

    schedules: int
    seconds: float
    violation: str | None

    def __str__(self) -> str:
        """Return the verdict in a line, and the violation below."""
        rate = self.schedules / self.seconds * 60
        kept = "every promise kept" if self.violation is None else "a promise was BROKEN"
        line = f"{self.schedules} schedules in {self.seconds:.1f} s ({rate:,.0f} a minute): {kept}"
        return line if self.violation is None else f"{line}\n{self.violation}"


def lab_of(made_by: str) -> Lab:
    """Return the lab that ``package.module:function`` makes."""
    module, _, name = made_by.partition(":")
    return cast("Lab", getattr(import_module(module), name)())


def first_violation(lab: Lab, seeds: Sequence[int]) -> Violation | None:
    """Run a schedule for each seed until one breaks something."""
    with without_collector():
        return next(lab.violations(seeds), None)


def run_all(
    made_by: str, seeds: Sequence[int], *, processes: int, without: str | None = None
) -> Verdict:
    """Run a schedule for each seed, shared among processes.

    Args:
        made_by: ``package.module:function`` that makes the lab, in each process anew.
        seeds: Of the schedules.
        processes: As many as there are cores.
        without: A promise to take out of the build, to see that it is missed.
    """
    started, count, violation = time.monotonic(), 0, None
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    pool = ProcessPoolExecutor(
        processes,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(made_by, without),
    )
    with pool:
        running: list[Future[str | None]] = [pool.submit(_run, chunk) for chunk in chunks]
        for done in as_completed(running):
            count += CHUNK
            violation = done.result()
            if count % TOLD == 0:
                sys.stderr.write(f"{count} in {time.monotonic() - started:.0f} s\n")
            if violation is not None:
                pool.shutdown(cancel_futures=True)
                break
    seconds = time.monotonic() - started
    return Verdict(schedules=min(count, len(seeds)), seconds=seconds, violation=violation)


@contextmanager
def without_collector() -> Iterator[None]:
    """Collect what schedules leave behind once, and not while they run."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class _Mine:
    """What one process of the pool works with."""

    lab: Lab
    without: str | None


class _Deaf(Guard):
    """Lets nothing through, so that nothing is cleaned that nobody will read."""

    def admit(
        self, attributes: Mapping[str, Value | None], allowed: frozenset[str]
    ) -> dict[str, Value]:
        """Return nothing."""
        del attributes, allowed
        return {}


def _begin(made_by: str, without: str | None) -> None:
    telemetry.install(NoOpTracer(), _Deaf())
    metrics.install(NoOpMeter("simulation"), _Deaf())
    _Mine.lab, _Mine.without = lab_of(made_by), without


def _run(seeds: Sequence[int]) -> str | None:
    with broken(_Mine.without) if _Mine.without else nullcontext():
        found = first_violation(_Mine.lab, seeds)
    return None if found is None else str(found)
