"""One use case, one transaction: events, read models and whatever else it writes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection

from chassis import gate
from chassis.appending import Appender, shareable
from chassis.context import Context
from chassis.decider import Decider
from chassis.envelope import Envelope
from chassis.erasure_list import ErasureList
from chassis.errors import Stale
from chassis.events import EventRegistry
from chassis.hot_log import wait_turn
from chassis.log import Append, Draft, Log, Span
from chassis.privacy import KeyStore
from chassis.projections import Projection
from chassis.states import Folded, States, catch_up

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded(Generic[S]):
    """An aggregate's state and its stream's version, 0 when it does not exist."""

    state: S
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Executed(Loaded[S]):
    """What a command led to; ``events`` is empty when it changed nothing."""

    events: Sequence[Any]


@dataclass(kw_only=True, slots=True)
class _Stream:
    version: int
    state: Any
    last_at: datetime | None = None
    occurred_at: datetime | None = None
    new: list[Any] = field(default_factory=list)


class UnitOfWork:
    """What a use case may do.  Nothing reaches the log before ``flush``.

    Args:
        secret: The deployment's key, from which pseudonyms and signatures derive.
        fresh: The caller knows that this command was never carried out, so nobody is asked.
        erasures: The list that is kept elsewhere of who was forgotten.
    """

    def __init__(
        self,
        *,
        db: Connection,
        log: Log,
        registry: EventRegistry,
        keys: KeyStore,
        context: Context,
        recorded_at: datetime,
        secret: bytes,
        inline: Sequence[Projection] = (),
        states: States | None = None,
        fresh: bool = False,
        erasures: ErasureList | None = None,
    ) -> None:
        self.db = db
        self.log = log
        self.keys = keys
        self.context = context
        self.secret = secret
        self.erasures = erasures
        self._registry = registry
        self._recorded_at = recorded_at
        self._inline = inline
        self._states = states or States()
        self._streams: dict[str, _Stream] = {}
        self._looks_again = not fresh
        self.first_outcome: Sequence[Span] | None = None if fresh else log.outcome(context)

    @property
    def now(self) -> datetime:
        """The moment at which the use case happens."""
        return self.context.now

    @property
    def recorded_at(self) -> datetime:
        """When it is written down: later than ``now`` where somebody tells of the past."""
        return self._recorded_at

    @property
    def known_at(self) -> datetime:
        """When somebody could know of it: whoever is told late has their full time from then on."""
        return max(self.now, self.recorded_at)

    @property
    def tenant(self) -> str:
        """Whose data it touches."""
        return self.context.tenant

    @property
    def already_done(self) -> bool:
        """Whether this command was carried out before; then nothing will be recorded."""
        return self.first_outcome is not None

    @property
    def has_news(self) -> bool:
        """Whether there is anything that ``flush`` would record."""
        return any(stream.new for stream in self._streams.values())

    @property
    def news(self) -> list[Any]:
        """The events that ``flush`` would record."""
        if self.already_done:
            return []
        return [event for stream in self._streams.values() for event in stream.new]

    def load(self, decider: Decider[S, C, E], entity_id: object) -> Loaded[S]:
        """Return an aggregate's state, with what this unit of work has added to it."""
        stream = self._open(decider, entity_id)
        return Loaded(state=cast("S", stream.state), version=stream.version + len(stream.new))

    def execute(
        self,
        decider: Decider[S, C, E],
        entity_id: object,
        command: C,
        *,
        expected_version: int | None = None,
        occurred_at: datetime | None = None,
    ) -> Executed[S]:
        """Read the stream, decide, and keep the new events for ``flush``.

        Args:
            decider: The aggregate's rules.
            entity_id: Which one.
            command: What is asked of it.
            expected_version: What the caller has seen; None when any will do.
            occurred_at: When it happened, if not at the moment of the use case; an import
                of many things gives each its own.

        Raises:
            Rejected: the aggregate refused.
            Stale: the stream is not at ``expected_version``.
        """
        stream = self._open(decider, entity_id)
        if self.already_done:
            return Executed(state=stream.state, version=stream.version, events=())
        if expected_version not in (None, stream.version + len(stream.new)):
            raise Stale(f"{decider.stream(entity_id)} is at {stream.version}")
        stream.occurred_at = occurred_at or stream.occurred_at
        events = decider.decide(stream.state, command)
        for event in events:
            stream.state = decider.evolve(stream.state, event)
        stream.new.extend(events)
        return Executed(state=stream.state, version=stream.version + len(stream.new), events=events)

    def add(
        self,
        stream: str,
        events: Sequence[Any],
        *,
        expected_version: int = 0,
        occurred_at: datetime | None = None,
    ) -> None:
        """Keep events for a stream that has no decider, as imports and processes do.

        Args:
            stream: Its whole name.
            events: Oldest first.
            expected_version: What the stream must be at before them.
            occurred_at: When they happened, if not at the moment of the use case.
        """
        known = self._streams.setdefault(
            stream, _Stream(version=expected_version, state=None, occurred_at=occurred_at)
        )
        known.new.extend(events)

    @property
    def only_appends(self) -> bool:
        """Whether ``flush`` would write a few events of one stream, and nothing else."""
        new = [stream.new for stream in self._streams.values() if stream.new]
        return (
            not self.already_done
            and shareable(len(new), sum(map(len, new)))
            and not any(p.handles(type(event)) for p in self._inline for event in new[0])
        )

    def flush(self, append: Appender | None = None) -> int:
        """Write the new events to the log and run the inline projections.

        Args:
            append: Takes the events instead of the log, when they are all there is to write.

        Returns:
            How many events were written.

        Raises:
            Conflict: a stream moved on since it was read.
            CommandReused: the command id belongs to another command.
            GateShut: the past is being folded again.
        """
        if self.already_done:
            return 0
        gate.passes("event")
        written = {name: stream for name, stream in self._streams.items() if stream.new}
        appends = [
            Append(
                stream=name,
                expected_version=stream.version,
                drafts=[self._draft(event) for event in stream.new],
                not_before=stream.last_at,
                occurred_at=stream.occurred_at,
            )
            for name, stream in written.items()
        ]
        recorded = (append or self.log.append)(self.context, appends, recorded_at=self._recorded_at)
        if self._inline and append is None:
            new = [event for stream in written.values() for event in stream.new]
            facts = list(zip(new, recorded.events, strict=False))
            for projection in self._inline:
                projection.apply_all(facts, self.db)
        self._streams.clear()
        return len(recorded.events)

    def _open(self, decider: Decider[S, C, E], entity_id: object) -> _Stream:
        name = decider.stream(entity_id)
        if name not in self._streams:
            folded = self._folded(decider, name)
            self._streams[name] = _Stream(
                version=folded.version, state=folded.state, last_at=folded.last_at
            )
        return self._streams[name]

    def _folded(self, decider: Decider[S, C, E], name: str) -> Folded:
        if decider.hot:
            self._wait_turn(name)
        return catch_up(
            self._states,
            self.log,
            self.tenant,
            name,
            initial=decider.initial,
            apply=partial(self._apply, decider),
        )

    def _wait_turn(self, stream: str) -> None:
        wait_turn(self.db, self.tenant, stream)
        if self._looks_again and not self.already_done:
            # Whoever was in front may have been this very command, made twice at once: its
            # effects would be seen, and it would be refused for what it did itself.
            self.first_outcome = self.log.outcome(self.context)

    def _apply(self, decider: Decider[S, C, E], state: S, stored: Envelope) -> S:
        return decider.evolve(state, self._registry.decode(stored, self.keys))

    def _draft(self, event: Any) -> Draft:
        return self._registry.draft(event, self.tenant, self.keys)
