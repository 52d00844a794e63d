"""Hot streams: many callers of one process decide on one stream together, nobody in vain.

One stream is one line of decisions.  Callers that each read it, decide and append on their own
lose to each other: of a hundred, one wins and the others begin again.  Here a leader takes along
everybody who waits, as ``chassis.group_commit`` does it, and carries their commands out in one
transaction: it holds the stream's head, so that other processes wait their turn; brings the kept
state of the stream up to date; decides in the order of arrival; writes all events with one
statement.

What it promises
    Each caller gets what it would have got, had the commands come one after the other.  A refusal,
    or a defect, touches only its own command.  The same command id again gives the first outcome,
    and is refused for another command.  Events, commands, answers and inline projections of a
    batch are committed together or not at all; a batch that fails as a whole is undone, and each
    of its commands goes alone, then in no particular order.
What it does not
    An order between processes: they take turns as the database lets them.  A decision over several
    streams: one command, one stream.
What it costs
    For a batch: one wait for the disk, and one round trip if it only appends and nobody else wrote
    in between, or else up to five.  For a command: deciding it, its rows, and waiting for the batch
    in front.  A stream whose events have subjects is never kept in memory and is folded anew for
    each batch: do not make it hot.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from chassis import gate
from chassis.context import Context
from chassis.decider import Decider
from chassis.group_commit import GoAlone, GroupCommit
from chassis.hot_batch import Asked, Decided, HotStream, Outcome, decide_together
from chassis.idempotency import StoredResponse

if TYPE_CHECKING:
    from chassis.storage import Storage

__all__ = ["LIMIT", "Answered", "Decided", "HotStreams"]

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
LIMIT = 300
ALONE = 4
"""How many go alone at a time after a batch failed: all at once would want all connections."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """The answer to a command; ``replayed`` when it is the one that was given before."""

    response: StoredResponse
    replayed: bool


class _Group:
    """Those who want something of one stream."""

    def __init__(self, decide: Callable[..., Any]) -> None:
        self._decide = decide
        self._together = GroupCommit[Asked, Outcome[Any]](decide, limit=LIMIT, abreast=1)
        self._alone = BoundedSemaphore(ALONE)

    def submit(self, asked: Asked) -> Outcome[Any]:
        try:
            # No batch has one command twice: who repeats it finds its outcome in the next.
            outcome = self._together.submit(asked, asked.context.command_id)
        except GoAlone:
            with self._alone:
                (outcome,) = self._decide([asked])
        if outcome.refusal is not None:
            raise outcome.refusal
        return outcome


class HotStreams:
    """Where the threads, or greenlets, of a process meet over its hot streams.

    Args:
        storage: Where the service keeps things.
    """

    def __init__(self, storage: "Storage") -> None:
        self._storage = storage
        self._lock = Lock()
        self._groups: WeakValueDictionary[tuple[str, str], _Group] = WeakValueDictionary()

    def execute(
        self, context: Context, decider: Decider[S, C, E], entity_id: object, command: C
    ) -> Decided[S]:
        """Carry out a command on one stream, together with whoever else wants it.

        It is a transaction of its own: call it inside no other.

        Raises:
            Rejected: the aggregate refused.
            CommandReused: the command id belongs to another command.
            Conflict: somebody wrote who did not hold the stream; try again.
            Unavailable: the database does not answer.
            GateShut: the past is being folded again.
        """
        outcome = self._submit(decider, entity_id, Asked(context=context, command=command))
        if outcome.decided is None:
            raise TypeError("only who has a slot is answered from it")
        return outcome.decided

    def answer(
        self,
        asked: Asked,
        decider: Decider[Any, Any, Any],
        entity_id: object,
    ) -> Answered:
        """Do the same for who wants the answer kept; raises as ``execute`` does."""
        outcome = self._submit(decider, entity_id, asked)
        if outcome.response is None:
            raise TypeError("who wants an answer says how it is made")
        return Answered(response=outcome.response, replayed=outcome.decided is None)

    def _submit(
        self, decider: Decider[Any, Any, Any], entity_id: object, asked: Asked
    ) -> Outcome[Any]:
        gate.passes("append")
        name, tenant = decider.stream(entity_id), asked.context.tenant
        with self._lock:
            group = self._groups.get((tenant, name))
            if group is None:
                stream = HotStream(tenant=tenant, name=name, decider=decider)
                group = _Group(partial(decide_together, self._storage, stream))
                self._groups[tenant, name] = group
        return group.submit(asked)
