"""The broker's plan covers every subscription of every service, as each is really written."""

from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers

import pytest

from chassis.broker_plan import definitions_of, plan_of
from chassis.roles import blueprint_of, edge_of

SERVICES = ("identity", "listening", "campaigns", "commerce", "loop")


def subscribed(service: str) -> Iterator[str]:
    """Yield whose events a service's methods subscribe to."""
    for _, method in getmembers(edge_of(blueprint_of(service))):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if hasattr(entrypoint, "source"):
                yield entrypoint.source


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "loop"])
def test_the_plan_knows_every_subscription(service: str) -> None:
    """Where services may not declare, a queue that topology forgets is a deaf service."""
    assert set(subscribed(service)) == set(blueprint_of(service).sources)


def test_the_loop_reads_the_four_logs() -> None:
    """A stage of the loop would stay empty."""
    sources = import_module("loop.upstream").SOURCES
    assert blueprint_of("loop").sources == sorted(sources)


def test_the_definitions_name_no_secret_and_give_each_service_its_own() -> None:
    """The file is committed, and imported by whoever runs the broker."""
    made = definitions_of(plan_of([blueprint_of(name) for name in SERVICES]), "sixfold")
    assert "users" not in made
    assert {each["configure"] for each in made["permissions"]} == {"^$"}
    assert len({each["write"] for each in made["permissions"]}) == len(SERVICES)
    assert {json for each in made["queues"] for json in each["arguments"].items()} == {
        ("x-queue-type", "quorum")
    }
