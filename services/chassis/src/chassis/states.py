"""Keep the states of long streams in memory, and fold only what came since.

A cached state is used only when the log still has, at its version, the very event that it
was folded up to: after a rollback, or a restore of an older copy, it is folded anew.
Streams with anything personal are never kept, so that an erasure leaves nothing behind.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from threading import Lock
from typing import Any
from uuid import UUID

from chassis.envelope import Envelope
from chassis.log import Log

LONG = 16
LIMIT = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Folded:
    """A stream's state after some version.

    Args:
        last_id: The event at that version,
        recorded_at: and when it was written: whoever does an undone command again writes an
            event of the same id, perhaps on top of other events.
        last_at: When it occurred.
        personal: Some event of the stream has subjects.
    """

    state: Any
    version: int = 0
    last_id: UUID | None = None
    recorded_at: datetime | None = None
    last_at: datetime | None = None
    personal: bool = False

    def ends_with(self, event: Envelope) -> bool:
        """Say whether this is the very event that the state was folded up to."""
        return (event.id, event.recorded_at) == (self.last_id, self.recorded_at)

    def after(self, state: Any, events: Sequence[Envelope]) -> "Folded":
        """Return what is known after more events, given the state that they lead to."""
        if not events:
            return self
        personal = any(event.subjects for event in events)
        return self.going_on(state, self.version + len(events), events[-1], personal=personal)

    def over(self, events: Sequence[Envelope], apply: Callable[[Any, Envelope], Any]) -> "Folded":
        """Return what is known after more events, applied to the state one after the other."""
        return self.after(reduce(apply, events, self.state), events)

    def going_on(self, state: Any, version: int, last: Envelope, *, personal: bool) -> "Folded":
        """Return what is known after some events of which only the last is at hand."""
        return Folded(
            state=state,
            version=version,
            last_id=last.id,
            recorded_at=last.recorded_at,
            last_at=last.occurred_at,
            personal=self.personal or personal,
        )


class States:
    """The states that one process keeps, the longest unused forgotten first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str], Folded] = OrderedDict()

    def get(self, tenant: str, stream: str) -> Folded | None:
        """Return the state that is kept of a stream; the caller checks that it still holds."""
        with self._lock:
            kept = self._kept.get((tenant, stream))
            if kept is not None:
                self._kept.move_to_end((tenant, stream))
            return kept

    def keep(self, tenant: str, stream: str, folded: Folded) -> None:
        """Keep a state, if its stream is long and nothing in it is personal."""
        if folded.personal or folded.version < LONG:
            return
        with self._lock:
            self._kept[tenant, stream] = folded
            self._kept.move_to_end((tenant, stream))
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)


def catch_up(
    states: States,
    log: Log,
    tenant: str,
    stream: str,
    *,
    initial: Any,
    apply: Callable[[Any, Envelope], Any],
) -> Folded:
    """Return a stream's state, folding only what came since it was kept, and keep it.

    Args:
        states: Where it may be kept.
        log: Has the events.
        tenant: Whose stream,
        stream: and which.
        initial: The state before anything happened.
        apply: The next state, given a stored event.
    """
    kept = states.get(tenant, stream)
    history = log.stream(tenant, stream, after=kept.version - 1 if kept else 0)
    if kept and history and kept.ends_with(history[0]):
        start, history = kept, history[1:]
    else:
        start = Folded(state=initial)
        history = log.stream(tenant, stream) if kept else history
    folded = start.over(history, apply)
    states.keep(tenant, stream, folded)
    return folded
