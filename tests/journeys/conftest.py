"""The one stack that all journeys share: starting it is most of their time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from chassis.testing.nodes import free_ports
from chassis.testing.programs import run_directory
from collector import Collector, collecting
from installation import Installation, decisive_visits, fill
from sixfold import demo
from sixfold.parts import WORLD, Part, parts_of
from sixfold.stack import Stack


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Give a collector that every process of the stack reports to."""
    with collecting() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3000")
        yield running


@contextmanager
def watched_parts() -> Iterator[dict[str, int]]:
    """Give each process of the stack that starts in the block a port for those who run it.

    Only that one's: whatever other test starts a stack of its own would take the places.
    """
    ports: dict[str, int] = {}

    def observed(*told: Any) -> list[Part]:
        parts = parts_of(*told)
        names = [part.name for part in parts if part.name != WORLD]
        ports.update(zip(names, free_ports(len(names)), strict=True))
        return [_observed(part, ports.get(part.name)) for part in parts]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sixfold.stack.parts_of", observed)
        yield ports


@pytest.fixture(scope="session")
def installation(collector: Collector) -> Iterator[Installation]:
    """Give a stack on SQLite that the demonstration was played on."""
    began = min(decisive_visits()[0].started_at, demo.mentions()[0].mention.posted_at)
    directory = run_directory() / f"journeys-{os.getpid()}"
    with ExitStack() as ending:
        with watched_parts() as ports:
            stack = ending.enter_context(Stack(directory, start_at=demo.monday(began)))
        yield replace(fill(stack, collector), ops_ports=ports)
    shutil.rmtree(directory, ignore_errors=True)


def _observed(part: Part, port: int | None) -> Part:
    told = {"OPS_PORT": str(port)} if port else {}
    return replace(part, environment={**part.environment, **told})
