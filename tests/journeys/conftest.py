"""The one stack that all journeys share: starting it is most of their time."""

import os
import shutil
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def ops_ports() -> Iterator[dict[str, int]]:
    """Give the port on which each process of the stack answers those who run it."""
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
def installation(collector: Collector, ops_ports: dict[str, int]) -> Iterator[Installation]:
    """Give a stack on SQLite that the demonstration was played on."""
    began = min(decisive_visits()[0].started_at, demo.mentions()[0].mention.posted_at)
    directory = run_directory() / f"journeys-{os.getpid()}"
    with Stack(directory, start_at=demo.monday(began)) as stack:
        yield replace(fill(stack, collector), ops_ports=ops_ports)
    shutil.rmtree(directory, ignore_errors=True)


def _observed(part: Part, port: int | None) -> Part:
    told = {"OPS_PORT": str(port)} if port else {}
    return replace(part, environment={**part.environment, **told})
