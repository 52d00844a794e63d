"""What a platform engineer tells the lab: services, load, and what handlers should leave behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, cast

from sqlalchemy import Connection

from chassis.envelope import Recorded

Mark = str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One play of a load; the same load is played calmly first, then in the storm.

    Args:
        name: Goes into every stream's name, so that two scenes share no stream.
        first: Numbers of this scene are ``first`` and up, of no other scene.
        chance: What to draw from: the calm scene and the storm of a round draw the same.
    """

    name: str
    first: int
    chance: Random

    def stream(self, name: str) -> str:
        """Return a stream of this scene."""
        return f"{name}-{self.name}"

    def has(self, stream: str) -> bool:
        """Say whether a stream is of this scene."""
        return stream.endswith(f"-{self.name}")

    def plain(self, stream: str) -> str:
        """Return a stream's name without the scene."""
        return stream.removesuffix(f"-{self.name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A request that is repeated under the same key until it is answered.

    Args:
        service: Who is asked.
        path: Where.
        body: The JSON body.
        key: The idempotency key: the ids of what is recorded derive from it.
        stream: Where its event must be found,
        mark: and as what; see ``Effects.mark``.
        pause: Seconds that the customer waits before it.
    """

    service: str
    path: str
    body: Mapping[str, Any]
    key: str
    stream: str
    mark: Mark
    pause: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a command was answered in the end."""

    command: Command
    body: Mapping[str, Any]
    tries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Where a reader of effects may look: a service's database, the folder of its files."""

    db: Connection
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """What a service's handlers made of the events of a log, each event once and in order.

    Args:
        name: For the report.
        service: Whose handlers.
        source: Whose events.
        mark: What an event leaves behind; None when the handlers skip it.
        read: What is there: (stream, mark) pairs, oldest first.
        repeats: It may happen more than once for an event: a call to the outside.
    """

    name: str
    service: str
    source: str
    mark: Callable[[Recorded], Mark | None]
    read: Callable[[Look], Iterable[tuple[str, Mark]]]
    repeats: bool = False


Logs = Mapping[str, Sequence[Recorded]]


def _nothing(_logs: Logs, _answers: Sequence[Answer]) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Services under the lab.

    Args:
        roles: Processes of each service: ``{"greeter": ("worker", "relay")}``.
        upstream: Whose feeds each service reads: ``{"listener": ("greeter",)}``.
        scopes: What the load's token may do.
        load: The customers of a scene, each with their commands in order; pure.
        effects: What must be found afterwards.
        model: What a scene came to, as plain JSON: equal for a calm scene and its storm.
        expects: Whatever else must hold; yields what does not, in words.
        environment: More settings of every process, given the folder of the lab's files.
        poison: Breaks a handler (True) or mends it (False), by way of a file in that folder.
    """

    roles: Mapping[str, Sequence[str]]
    load: Callable[[Scene], Sequence[Sequence[Command]]]
    effects: Sequence[Effects]
    model: Callable[[Scene, Mapping[str, Sequence[tuple[str, Mark]]]], Any]
    upstream: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scopes: Sequence[str] = ()
    expects: Callable[[Logs, Sequence[Answer]], Iterator[str]] = _nothing
    environment: Callable[[Path], Mapping[str, str]] = lambda _: {}
    poison: Callable[[Path, bool], None] | None = None


def subject_of(name: str) -> Subject:
    """Return the subject that ``package.module:NAME`` means."""
    module, _, attribute = name.partition(":")
    return cast("Subject", getattr(import_module(module), attribute))
