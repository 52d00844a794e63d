"""What a platform engineer tells the lab: services, load, and what handlers should leave behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Protocol, cast

from sqlalchemy import Connection

from chassis.envelope import Recorded
from chassis.testing.faultlab.role import ROLES, Role

TENANT = "acme"
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
        mark: and as what; see ``Subject.mark``.
        tenant: Whose command it is.
        pause: Seconds that the customer waits before it.
        not_yet: Statuses of an answer that only mean: not yet.
    """

    service: str
    path: str
    body: Mapping[str, Any]
    key: str
    stream: str
    mark: Mark
    tenant: str = TENANT
    pause: float = 0.0
    not_yet: AbstractSet[int] = frozenset()


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What surrounds the processes of a lab.

    Args:
        folder: Where files of the handlers may lie.
        urls: Where each service and each outsider answers.
    """

    folder: Path
    urls: Mapping[str, str]


class Ask(Protocol):
    """Asks a service over HTTP, as one of a tenant's people; returns the JSON that it answers."""

    def __call__(self, service: str, path: str, *, tenant: str = TENANT) -> Any:
        """Raise Unavailable when nobody answers for long."""


Logs = Mapping[str, Sequence[Recorded]]
Shown = Mapping[str, Any]


def _nothing(_logs: Logs, _answers: Sequence[Answer], _shown: Shown) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Services under the lab.

    Args:
        roles: Processes of each service: ``{"greeter": ("worker", "relay")}``.
        own_roles: What other roles than the chassis's are.
        outside: Modules that stand for the outside world, by name; no fault touches them.
        upstream: Whose feeds each service reads: ``{"listener": ("greeter",)}``.
        absent: Whose feeds it reads besides, of services that are not installed here.
        scopes: What the load's token may do.
        load: The customers of a scene, each with their commands in order; pure.
        opening: What must be answered before the first customer comes; pure.
        effects: What must be found afterwards.
        shows: What the services themselves say of a scene, asked at rest.
        model: What a scene came to, as plain JSON, made of its effects and of what was shown:
            equal for a calm scene and its storm.
        expects: Whatever else must hold of logs, answers and what was shown by each scene's
            name; yields what does not, in words.
        stream: How an event's stream is called here, where several tenants have the same one.
        mark: What a command's event is recognised by; as the service's first effect does,
            unless given.
        under_way: What else is under way, in words, given the folder of the lab's files.
        later: By how much time passes when everybody is served, for time limits.
        environment: More settings of every process.
        poison: Breaks a handler (True) or mends it (False), by way of a file in that folder.
    """

    roles: Mapping[str, Sequence[str]]
    load: Callable[[Scene], Sequence[Sequence[Command]]]
    effects: Sequence[Effects]
    model: Callable[[Scene, Mapping[str, Sequence[tuple[str, Mark]]], Any], Any]
    own_roles: Mapping[str, Role] = field(default_factory=dict)
    outside: Mapping[str, str] = field(default_factory=dict)
    upstream: Mapping[str, Sequence[str]] = field(default_factory=dict)
    absent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scopes: Sequence[str] = ()
    opening: Callable[[Scene], Sequence[Command]] = lambda _: ()
    shows: Callable[[Scene, Ask], Any] = lambda _scene, _ask: None
    expects: Callable[[Logs, Sequence[Answer], Shown], Iterator[str]] = _nothing
    stream: Callable[[Recorded], str] = lambda event: event.stream
    mark: Callable[[Recorded], Mark | None] | None = None
    under_way: Callable[[Path], Iterable[str]] = lambda _: ()
    later: timedelta = timedelta()
    environment: Callable[[Around], Mapping[str, str]] = lambda _: {}
    poison: Callable[[Path, bool], None] | None = None

    def role(self, name: str) -> Role:
        """Return what a role is."""
        return self.own_roles.get(name) or ROLES[name]

    def keeps_apart(self, service: str) -> bool:
        """Say whether a service's checkpoints are somewhere else than in its database."""
        return any(self.role(name).alone for name in self.roles[service])


def subject_of(name: str) -> Subject:
    """Return the subject that ``package.module:NAME`` means."""
    module, _, attribute = name.partition(":")
    return cast("Subject", getattr(import_module(module), attribute))
