"""Two versions of one event: who can't read the newer one parks it, and takes it up once it can."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import bus_service
from bus_service import Greeted, Listener, embedded, greet
from chassis import parked_audit, processes
from chassis.envelope import Recorded
from chassis.events import EventRegistry
from chassis.storage import Storage
from chassis.testing.contexts import NOW

later = EventRegistry("greeter")
processes.declare(later)


@later.event("greeted", version=2)
@dataclass(frozen=True, kw_only=True, slots=True)
class GreetedInWords:
    """The next version says in which words."""

    number: int
    words: str = "hello"


@later.upcaster("greeted", from_version=1)
def say_hello(data: dict[str, Any]) -> dict[str, Any]:
    """Whoever greeted before it was asked said hello."""
    return {**data, "words": "hello"}


def recorded(producer: Storage) -> list[Recorded]:
    with producer.system.read() as db:
        return list(producer.log(db).after(0, limit=100))


def test_a_newer_version_waits_and_other_streams_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During an upgrade a consumer of the version before would stop, or drop what it can't read."""
    producer = embedded(tmp_path, "producer")
    upgraded = replace(producer, registry=later)
    listener = Listener(embedded(tmp_path, "listener"), producer)
    greet(producer, "a", [1])
    greet(upgraded, "a", [2], GreetedInWords)
    greet(producer, "a", [3], Greeted)
    greet(producer, "b", [4], Greeted)

    listener.inbox.receive(recorded(producer))

    assert listener.numbers() == [1, 4]
    errors = [waiting.error for waiting in listener.parked()]
    assert errors == ["UnknownEvent: greeted version 2 is newer than 1", None]

    monkeypatch.setattr(bus_service, "registry", later)
    with listener.storage.database.begin() as db:
        parked_audit.retry_all(db, error="UnknownEvent", now=NOW)
    while listener.delivery.retry_due():
        pass
    assert (listener.numbers("a"), listener.parked()) == ([1, 2, 3], [])
    for storage in (producer, listener.storage):
        storage.database.close()
