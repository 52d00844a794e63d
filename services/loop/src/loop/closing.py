"""Close a week once it is over and everything recorded by then has arrived."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chassis.clock import micros
from chassis.context import Context, digest_of
from chassis.ids import derived_id
from chassis.inbox import Feed
from chassis.storage import Storage
from loop import unread
from loop.board import Board, Snapshot
from loop.cycle import TOTAL, canonical
from loop.cycle_record import CYCLE, StateCycle
from loop.evaluate import Vector
from loop.live import LiveFacts
from loop.projections import Closed, closed
from loop.stages import QUARTER

RESTATE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """How far the logs were when somebody asked; what ended before then can be closed."""

    at: int
    heads: Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A week whose recorded numbers are missing or no longer right."""

    tenant: str
    cycle: str
    stop: int
    known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """When the weeks were last looked at: which quarter of an hour it was, and on what second."""

    quarter: int
    seconds: float


class Closer:
    """Records the numbers of weeks that are over.

    Args:
        rest: Seconds between two rounds of restating, so that a late import restates a
            week a few times and not with each of its batches.
    """

    def __init__(
        self,
        storage: Storage,
        facts: LiveFacts,
        board: Board,
        feeds: Mapping[str, Feed],
        *,
        rest: float = RESTATE_SECONDS,
    ) -> None:
        self._storage = storage
        self._facts = facts
        self._board = board
        self._feeds = feeds
        self._rest = rest
        self._restated_at = -rest
        self._asked: Asked | None = None
        self._looked = Looked(quarter=-1, seconds=-rest)

    def step(self) -> int:
        """Record every week that is due and complete; return how many were recorded.

        Raises:
            Unavailable: a log cannot be asked for its head; nothing closes meanwhile.
        """
        now = micros(self._storage.clock.now())
        if unread.listed(self._facts):
            self._asked = None
            return 0
        if self._asked is None:
            if not self._worth_a_look(now):
                return 0
            self._asked = Asked(at=now, heads=self._heads())
        if not _reached(self._facts.vector, self._asked.heads):
            return 0
        snapshot = self._board.newest()
        if not _reached(snapshot.positions, self._asked.heads):
            return 0
        ready = list(self._due(snapshot, self._asked.at))
        self._asked = None
        return sum(self._record(snapshot, one) for one in ready)

    def _worth_a_look(self, now: int) -> bool:
        # In every zone a week ends on a quarter of an hour; numbering all facts to find that none
        # has ended would cost more than taking them in.
        looked, before = Looked(quarter=now // QUARTER, seconds=time.monotonic()), self._looked
        if looked.quarter == before.quarter and looked.seconds - before.seconds < self._rest:
            return False
        self._looked = looked
        return True

    def _due(self, snapshot: Snapshot, now: int) -> Iterator[Due]:
        recorded = self._recorded()
        resting = time.monotonic() - self._restated_at < self._rest
        for tenant, counted in snapshot.tenants.items():
            for week in counted.cycles:
                last = recorded.get((tenant, week.name))
                if week.name == TOTAL or week.stop > now or (last and resting):
                    continue
                if last is None or last.hash != counted.hash_of(week.name):
                    yield Due(tenant=tenant, cycle=week.name, stop=week.stop, known=bool(last))

    def _heads(self) -> dict[str, int]:
        return {
            source: max((head.position for head in feed.heads().values()), default=0)
            for source, feed in self._feeds.items()
        }

    def _recorded(self) -> dict[tuple[str, str], Closed]:
        with self._storage.system.read() as db:
            return closed(db)

    def _record(self, snapshot: Snapshot, due: Due) -> int:
        counted = snapshot.tenants[due.tenant]
        command = StateCycle(
            cycle=due.cycle,
            hash=counted.hash_of(due.cycle),
            stages=counted.outputs[due.cycle],
            positions=snapshot.positions,
        )
        if due.known:
            self._restated_at = time.monotonic()
        with self._storage.begin(self._context(due.tenant, command)) as work:
            if work.already_done:
                return 0
            return len(work.execute(CYCLE, due.cycle, command).events)

    def _context(self, tenant: str, command: StateCycle) -> Context:
        said = canonical([command.cycle, command.hash, dict(command.positions)])
        command_id = derived_id("state cycle", tenant, said.decode())
        return Context(
            tenant=tenant,
            actor="process:cycles",
            command_id=command_id,
            digest=digest_of(self._storage.secret, said),
            correlation_id=command_id,
            causation_id=command_id,
            traceparent=None,
            now=self._storage.clock.now(),
        )


def _reached(positions: Vector, heads: Vector) -> bool:
    return all(positions.get(source, 0) >= head for source, head in heads.items())
