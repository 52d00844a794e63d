"""One turn on a hot stream: all that waits is decided in arrival order and written at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection

from chassis import idempotency
from chassis.context import Context
from chassis.decider import Decider
from chassis.envelope import Envelope, envelope_of
from chassis.faults import reach
from chassis.hot_log import Held, Known, Run, append_at_once, hot_log_on
from chassis.idempotency import Slot, StoredResponse
from chassis.log import Append, CommandReused, Draft, rows_of, spans_of
from chassis.quotas.charging import FREE, Charge
from chassis.states import Folded
from chassis.telemetry.recording import Recording
from chassis.unit_of_work import Executed

if TYPE_CHECKING:
    from chassis.storage import Storage

S = TypeVar("S")
Prepare = Callable[[Connection, str, Sequence[Any]], Sequence[Any]]
"""Completes commands of a tenant by what it looks up for all of them; returns as many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided(Executed[S]):
    """What a command on a hot stream led to.

    Args:
        state: Right after it; as it is now, when ``repeated``.
        repeated: It had been carried out before, and its events are those of then.
    """

    repeated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One command that waits for its turn.

    Args:
        prepare: Completes it, together with the others of its kind.
        slot: Where its answer is kept, if it has one,
        respond: and how that is made.
        charge: Whose quotas it is charged to.
    """

    context: Context
    command: Any
    prepare: Prepare | None = None
    slot: Slot | None = None
    respond: Callable[[Decided[Any]], StoredResponse] | None = None
    charge: Charge = FREE


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome(Generic[S]):
    """What became of one command: decided, answered as the first time, or refused."""

    decided: Decided[S] | None = None
    response: StoredResponse | None = None
    refusal: Exception | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HotStream:
    """Which stream, by which rules."""

    tenant: str
    name: str
    decider: Decider[Any, Any, Any]


def decide_together(
    storage: "Storage", stream: HotStream, asked: Sequence[Asked]
) -> Sequence[Outcome[Any]]:
    """Decide commands in their order, in one transaction; a refusal touches only its own command.

    Raises:
        Conflict: somebody wrote who did not hold the stream; nothing was recorded.
        Unavailable: the database does not answer.
    """
    with Recording() as recording:
        outcomes = _at_once(storage, stream, asked, recording)
        return outcomes or _in_turn(storage, stream, asked, recording)


def _at_once(
    storage: "Storage", stream: HotStream, asked: Sequence[Asked], recording: Recording
) -> Sequence[Outcome[Any]] | None:
    """Decide on the state that is kept, and write in one round trip if the stream still ends there.

    None when nothing was written.  Whoever is refused, or repeats himself, has to be looked up, and
    that wants the stream held; so does what is written beside the events.
    """
    kept = storage.states.get(stream.tenant, stream.name)
    if kept is None or storage.database.is_sqlite or any(one.slot or one.prepare for one in asked):
        return None
    batch = _Batch(storage, stream, kept)
    outcomes = [batch.outcome(one) for one in asked]
    refused = any(one.refusal is not None for one in outcomes)
    if refused or not batch.run.rows or batch.is_projected:
        return None
    recording.begins()
    with storage.database.autocommit() as connection:
        if not append_at_once(connection, batch.run, kept):
            return None
    recording.wrote(len(batch.run.rows))
    reach("hot.committed")
    batch.keep_state()
    return outcomes


def _in_turn(
    storage: "Storage", stream: HotStream, asked: Sequence[Asked], recording: Recording
) -> Sequence[Outcome[Any]]:
    """Hold the stream, decide, write."""
    with storage.database.begin(stream.tenant) as db:
        turn = _Turn(storage, stream, db, asked)
        outcomes = turn.take()
        recording.begins()
        recording.wrote(turn.write())
        reach("hot.written")
    reach("hot.committed")
    turn.keep_state()
    return outcomes


class _Batch:
    """What is decided, one command after the other, from a stream's state on.

    Args:
        storage: Where the service keeps things.
        stream: Which one.
        start: Its state before.
        db: The transaction that writes it, if there is one already.
    """

    def __init__(
        self, storage: "Storage", stream: HotStream, start: Folded, db: Connection | None = None
    ) -> None:
        self._db = db
        self._storage = storage
        self._stream = stream
        self._start = start
        self._last_at = start.last_at
        self._personal = False
        self._now = storage.clock.now()
        self.state = start.state
        self.run = Run(tenant=stream.tenant, stream=stream.name, before=start.version)
        self.events: list[Any] = []

    @property
    def is_projected(self) -> bool:
        """Whether an inline projection handles any of its events."""
        inline = self._storage.inline
        return any(p.handles(type(event)) for p in inline for event in self.events)

    def outcome(self, one: Asked) -> Outcome[Any]:
        """Decide a command.  Nothing is kept of it until nothing of it can fail any more."""
        return _caught(self._decided, one)

    def keep_state(self) -> None:
        """Let the next turn begin where this one ended; only after the commit."""
        at, rows = self._start, self.run.rows
        if rows:
            last = envelope_of(rows[-1])
            at = at.going_on(self.state, self.run.last, last, personal=self._personal)
        self._storage.states.keep(self._stream.tenant, self._stream.name, at)

    def project(self, db: Connection) -> None:
        """Let inline projections follow what was written."""
        if self.is_projected:
            facts = list(zip(self.events, map(envelope_of, self.run.rows), strict=True))
            for projection in self._storage.inline:
                projection.apply_all(facts, db)

    def _decided(self, one: Asked) -> Outcome[Any]:
        decider = self._stream.decider
        events = decider.decide(self.state, one.command)
        append = Append(
            stream=self._stream.name,
            expected_version=self.run.last,
            drafts=[self._draft(event) for event in events],
            not_before=self._last_at,
        )
        rows = rows_of(one.context, [append], self._now)
        state = reduce(decider.evolve, events, self.state)
        decided = Decided(state=state, version=self.run.last + len(events), events=events)
        response = one.respond(decided) if one.respond else None
        one.charge.take(events, self._db)  # the last that can fail
        self._note(one, append, rows, decided)
        return Outcome(decided=decided, response=response)

    def _note(
        self, one: Asked, append: Append, rows: Sequence[tuple[Any, ...]], decided: Decided[Any]
    ) -> None:
        self.run.commands.append((one.context, spans_of([append])))
        self.run.rows.extend(rows)
        self.events.extend(decided.events)
        if rows:
            self.state, self._last_at = decided.state, append.moment(one.context.now)
            self._personal = self._personal or any(draft.subjects for draft in append.drafts)

    def _draft(self, event: Any) -> Draft:
        storage = self._storage
        return storage.registry.draft(event, self._stream.tenant, storage.keys)


class _Turn:
    """A transaction that holds the stream.

    Args:
        storage: Where the service keeps things.
        stream: Which one.
        db: The transaction.
        asked: Who waits, in the order of arrival.
    """

    def __init__(
        self, storage: "Storage", stream: HotStream, db: Connection, asked: Sequence[Asked]
    ) -> None:
        self._storage = storage
        self._stream = stream
        self._db = db
        self._log = hot_log_on(db)
        self._asked = [(one, str(one.context.command_id)) for one in asked]
        self._kept = storage.states.get(stream.tenant, stream.name)
        held = self._log.hold(
            stream.tenant,
            stream.name,
            kept=self._kept,
            commands=[command for _, command in self._asked],
        )
        self._known = held.known
        self._batch = _Batch(storage, stream, self._folded(held), db)
        self._answers: list[tuple[Asked, StoredResponse]] = []

    def take(self) -> list[Outcome[Any]]:
        """Decide all, each after the one before."""
        prepared = self._prepared()
        return [
            self._outcome(prepared.get(command, one), self._known.get(command))
            for one, command in self._asked
        ]

    def write(self) -> int:
        """Record what was decided; return how many events that are."""
        run = self._batch.run
        if run.commands:
            self._log.append(run)
            self._batch.project(self._db)
        rows = [(one.slot, one.context.digest, answer) for one, answer in self._answers if one.slot]
        idempotency.remember_all(self._db, rows, self._storage.clock.now())
        return len(run.rows)

    def keep_state(self) -> None:
        """Let the next turn begin where this one ended; only after the commit."""
        self._batch.keep_state()

    def _prepared(self) -> dict[str, Asked]:
        """Return those that are to be completed, each kind looked up at once."""
        waiting = defaultdict[Prepare, list[tuple[str, Asked]]](list)
        for one, command in self._asked:
            if one.prepare is not None and command not in self._known:
                waiting[one.prepare].append((command, one))
        return {
            command: replace(one, command=complete)
            for prepare, kind in waiting.items()
            for (command, one), complete in zip(
                kind,
                prepare(self._db, self._stream.tenant, [one.command for _, one in kind]),
                strict=True,
            )
        }

    def _folded(self, held: Held) -> Folded:
        start = self._kept if self._kept and held.stands else None
        start = start or Folded(state=self._stream.decider.initial)
        if start.version == held.version:
            return start
        log = self._storage.log(self._db)
        history = log.stream(self._stream.tenant, self._stream.name, after=start.version)
        return start.over(history, self._apply)

    def _apply(self, state: Any, stored: Envelope) -> Any:
        return self._stream.decider.evolve(state, self._decoded(stored))

    def _decoded(self, stored: Envelope) -> Any:
        return self._storage.registry.decode(stored, self._storage.keys)

    def _outcome(self, one: Asked, known: Known | None) -> Outcome[Any]:
        outcome = _caught(self._again, one, known) if known else self._batch.outcome(one)
        if outcome.decided is not None and outcome.response is not None:
            self._answers.append((one, outcome.response))
        return outcome

    def _again(self, one: Asked, known: Known) -> Outcome[Any]:
        """Return the first outcome of a command that was carried out in an earlier turn."""
        one.charge.undo()
        if known.digest != one.context.digest:
            raise CommandReused(f"command {one.context.command_id} was another command")
        answer = idempotency.find(self._db, one.slot, known.digest) if one.slot else None
        if answer is not None:
            return Outcome(response=answer)
        decided = self._decided_then(known)
        response = one.respond(decided) if one.respond else None
        return Outcome(decided=decided, response=response)

    def _decided_then(self, known: Known) -> Decided[Any]:
        tenant, storage = self._stream.tenant, self._storage
        stored = [
            event
            for span in known.spans
            for event in self._log.events(tenant, span)
            or storage.log(self._db).stream(tenant, span.stream, after=span.first - 1)
            if event.version <= span.last
        ]
        return Decided(
            state=self._batch.state,
            version=known.spans[-1].last if known.spans else self._batch.run.last,
            events=list(map(self._decoded, stored)),
            repeated=True,
        )


def _caught(attempt: Callable[..., Outcome[Any]], *asked: Any) -> Outcome[Any]:
    try:
        return attempt(*asked)
    except Exception as refusal:  # noqa: BLE001  # it is one caller's; the others go on
        return Outcome(refusal=refusal)
