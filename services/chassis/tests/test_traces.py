"""One trace runs from the first cause to the last effect, and carries no person with it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import pytest

from bus_service import embedded
from chassis import processes, telemetry
from chassis.delivery import Delivery
from chassis.envelope import Recorded
from chassis.events import EventRegistry
from chassis.feed import LocalFeed
from chassis.follower import Follower, Gateway
from chassis.ids import LANES
from chassis.inbox import Inbox
from chassis.privacy import Personal
from chassis.reactions import in_unit_of_work
from chassis.storage import Storage
from chassis.telemetry.setup import InMemory
from chassis.testing.contexts import NOW, SECRET, context
from chassis.testing.telemetry import recorded_telemetry
from chassis.timers import fire_due, set_timer
from chassis.unit_of_work import UnitOfWork

registry = EventRegistry("greeter")
processes.declare(registry)


@registry.event("guest_named")
@dataclass(frozen=True, kw_only=True, slots=True)
class GuestNamed:
    """A guest told a name."""

    guest_id: str
    name: Annotated[str | None, Personal("guest_id")]


@registry.event("guest_seated")
@dataclass(frozen=True, kw_only=True, slots=True)
class GuestSeated:
    """A guest got a seat."""


@registry.event("guest_greeted")
@dataclass(frozen=True, kw_only=True, slots=True)
class GuestGreeted:
    """A guest was greeted."""


@pytest.fixture
def recorded() -> Iterator[InMemory]:
    with recorded_telemetry() as running:
        yield running


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = replace(embedded(tmp_path), registry=registry)
    yield storage
    storage.database.close()


def seat(work: UnitOfWork, event: Recorded) -> None:
    work.add(f"seat-{event.id}", [GuestSeated()])
    due = event.occurred_at + timedelta(minutes=1)
    set_timer(work.db, work.context, process="host", key=str(event.id), name="wake", due_at=due)


def greet(work: UnitOfWork, event: Recorded) -> None:
    work.add(f"greeting-{event.id}", [GuestGreeted()])


def arrive(storage: Storage, name: str) -> str | None:
    with (
        telemetry.span(f"POST /{name}", kind="server"),
        storage.begin(context(traceparent=telemetry.current_traceparent())) as work,
    ):
        work.add(f"guest-{name}", [GuestNamed(guest_id=f"id-of-{name}", name="Ada Lovelace")])
        return telemetry.current_trace_id()


def follow(storage: Storage, reader: str, wire_name: str, react: Any) -> None:
    handlers = {wire_name: in_unit_of_work(storage, reader, react)}
    Follower(Delivery(reader, storage.database, handlers), storage.database).step()


def by_name(recorded: InMemory, name: str, trace: str | None) -> dict[str, Any]:
    (found,) = (
        span for span in recorded.spans() if span["name"] == name and span["trace_id"] == trace
    )
    return found


def test_a_chain_of_readers_is_one_trace(storage: Storage, recorded: InMemory) -> None:
    """From any effect an operator gets back to its cause, although each was handled in a batch."""
    traces = [arrive(storage, "one"), arrive(storage, "two")]
    called: list[Recorded] = []

    follow(storage, "seating", "guest_named", seat)
    follow(storage, "greeting", "guest_seated", greet)
    Gateway("mail", storage.database, {"guest_greeted": called.append}).step()
    storage.clock.set(NOW + timedelta(minutes=2))
    fire_due(storage)

    for name, trace in zip(("one", "two"), traces, strict=True):
        chain = [
            by_name(recorded, span, trace)
            for span in (f"POST /{name}", "process seating", "process greeting", "process mail")
        ]
        for cause, effect in pairwise(chain):
            assert effect["parent_id"] == cause["span_id"]
        timer = by_name(recorded, "fire host", trace)
        assert timer["parent_id"] == chain[1]["span_id"]
    assert [telemetry.trace_id_of(event.traceparent) for event in called] == traces


def test_the_trace_goes_on_in_another_service(
    storage: Storage, recorded: InMemory, tmp_path: Path
) -> None:
    """What a batch from the bus causes belongs to each event's own trace, not to the batch's."""
    traces = [arrive(storage, "one"), arrive(storage, "two")]
    other = replace(embedded(tmp_path, "other"), registry=registry)
    reader = "other.on.greeter"
    delivery = Delivery(
        reader, other.database, {"guest_named": in_unit_of_work(other, reader, greet)}
    )
    feed = LocalFeed(storage.system.read, "greeter")
    inbox = Inbox(delivery, other.database, feed, lanes=range(LANES))
    with storage.system.read() as db:
        events = storage.log(db).after(0, limit=10)

    with telemetry.processing(reader, [event.traceparent for event in events], count=2):
        batch = telemetry.current_trace_id()
        inbox.receive(events)

    with other.system.read() as db:
        effects = other.log(db).after(0, limit=10)
    assert [telemetry.trace_id_of(effect.traceparent) for effect in effects] == traces
    for name, trace in zip(("one", "two"), traces, strict=True):
        handled = by_name(recorded, f"process {reader}", trace)
        assert handled["parent_id"] == by_name(recorded, f"POST /{name}", trace)["span_id"]
        assert [link["trace_id"] for link in handled["links"]] == [batch]
    other.database.close()


def test_a_failing_handler_shows_in_its_own_trace(storage: Storage, recorded: InMemory) -> None:
    """An operator who opens a fact's trace sees where it broke."""
    trace = arrive(storage, "one")

    def fail(_work: UnitOfWork, _event: Recorded) -> None:
        raise ValueError("Ada Lovelace has no seat")

    follow(storage, "seating", "guest_named", fail)

    handled = by_name(recorded, "process seating", trace)
    assert (handled["status"], handled["attributes"]["error.type"]) == ("error", "ValueError")


def test_no_span_tells_who_or_what_is_secret(storage: Storage, recorded: InMemory) -> None:
    """Whoever may look at traces learns no name and no key."""
    arrive(storage, "one")
    follow(storage, "seating", "guest_named", seat)
    follow(storage, "greeting", "guest_seated", greet)
    Gateway("mail", storage.database, {"guest_greeted": lambda _: None}).step()

    everything = json.dumps(recorded.spans())

    assert len(recorded.spans()) == 4
    for hidden in ("Ada", "Lovelace", "sealed:v1", "id-of-one", SECRET.decode()):
        assert hidden not in everything


def test_without_telemetry_the_trace_is_still_handed_on(storage: Storage) -> None:
    """A process that exports nothing does not cut its neighbours' traces in two."""
    stored = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with storage.begin(context(traceparent=stored)) as work:
        work.add("guest-one", [GuestNamed(guest_id="p1", name=None)])

    follow(storage, "seating", "guest_named", seat)

    with storage.system.read() as db:
        assert storage.log(db).after(1, limit=1)[0].traceparent == stored
