"""The one stack that all journeys share: starting it is most of their time."""

import os
import shutil
from collections.abc import Iterator

import pytest

from chassis.testing.programs import run_directory
from collector import Collector, collecting
from installation import Installation, decisive_visits, fill
from sixfold import demo
from sixfold.stack import Stack


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Give a collector that every process of the stack reports to."""
    with collecting() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3000")
        yield running


@pytest.fixture(scope="session")
def installation(collector: Collector) -> Iterator[Installation]:
    """Give a stack on SQLite that the demonstration was played on."""
    began = min(decisive_visits()[0].started_at, demo.mentions()[0].mention.posted_at)
    directory = run_directory() / f"journeys-{os.getpid()}"
    with Stack(directory, start_at=demo.monday(began)) as stack:
        yield fill(stack, collector)
    shutil.rmtree(directory, ignore_errors=True)
