"""Producers and consumers agree, though neither imports the other."""

import json
from dataclasses import fields
from typing import Any

import pytest
from repository import Service, consumed, services

from chassis import schemas
from chassis.envelope import Recorded
from chassis.events import EventRegistry
from chassis.ids import lane_of, new_id
from chassis.privacy import MemoryKeys
from chassis.testing.contexts import NOW
from chassis.upstream import Consumed

SERVICES = services()
CONSUMED = consumed()


def on_the_bus(registry: EventRegistry, example: Any) -> Recorded:
    """Return an event as a consumer receives it, its personal fields sealed."""
    kind, identity = registry.kind_of(example), new_id()
    data, subjects = registry.encode(example, "acme", MemoryKeys())
    return Recorded(
        id=identity,
        tenant="acme",
        stream="example-1",
        version=1,
        type=kind.name,
        schema_version=kind.version,
        lane=lane_of("acme", "example-1"),
        occurred_at=NOW,
        recorded_at=NOW,
        actor="user:test",
        command_id=identity,
        correlation_id=identity,
        causation_id=identity,
        traceparent=None,
        subjects=subjects,
        data=data,
        position=1,
        prev=0,
        chain=bytes(32),
    )


def test_services_were_found() -> None:
    """Every test beside this one would pass by looking at nothing."""
    assert {"identity", "listening", "campaigns", "commerce", "loop"} <= SERVICES.keys()
    assert len(CONSUMED) > len(SERVICES)


@pytest.mark.parametrize(
    ("consumer", "event"),
    [pytest.param(s, e, id=f"{s.name}-{e.source}.{e.name}") for s, e in CONSUMED],
)
def test_what_is_read_of_another_service_exists_and_loads(
    consumer: Service, event: Consumed
) -> None:
    """A consumer would wait for an event that never comes, or park each one that does."""
    producer = SERVICES[event.source]
    kind = producer.registry.kind(event.name)
    assert kind.version in event.versions
    assert kind.cls in producer.examples, f"{event.source} has no example of {event.name}"

    stored = on_the_bus(producer.registry, producer.examples[kind.cls])
    loaded = consumer.upstream.load(event.source, stored)

    sent = {name for name, value in json.loads(stored.data).items() if value is not None}
    kept = {field.name for field in fields(loaded) if getattr(loaded, field.name) is not None}
    assert sent & {field.name for field in fields(loaded)} <= kept


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_each_subscription_declares_what_it_reads(service: Service) -> None:
    """An event would be taken by a method and then parked, as nobody knows its fields."""
    declared = {(event.source, event.name) for event in service.upstream}
    assert set(service.subscriptions()) <= declared
    assert all(source in SERVICES for source, _ in declared)


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_each_public_event_has_an_example_and_a_contract_file(service: Service) -> None:
    """Somebody who builds on a public event would find no word of what it looks like."""
    public = {kind.name: kind for kind in service.registry if kind.public}
    assert all(kind.cls in service.examples for kind in public.values())

    files = {path.stem: json.loads(path.read_text()) for path in service.contracts.glob("events/*")}
    assert files.keys() == public.keys()
    for name, contract in files.items():
        assert contract["type"] == name
        schemas.load(public[name].cls, contract["data"])
