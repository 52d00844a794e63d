"""Confirm erasures: the loop holds nothing personal, so no number changes, and it says so."""

import json
from dataclasses import dataclass
from uuid import UUID

from chassis.clock import moment
from chassis.context import Context, digest_of
from chassis.erasure import erase, keeps_nothing
from chassis.ids import derived_id
from chassis.storage import Storage
from loop.live import LiveFacts

_READER = "loop.erasures"
_REQUESTS = (
    "SELECT r.position, r.tenant, r.request_id, r.subjects, e.id, e.correlation_id, "
    "e.traceparent, e.occurred_at FROM erasure r JOIN event e USING (service, position) "
    "WHERE r.position > ? ORDER BY r.position"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Somebody's wish to be forgotten, and the event that carried it."""

    position: int
    tenant: str
    request_id: str
    subjects: str
    event_id: str
    correlation_id: str
    traceparent: str | None
    occurred_at: int


class Forgetter:
    """Answers each erasure request once, however often it is looked at."""

    def __init__(self, storage: Storage, facts: LiveFacts) -> None:
        self._storage = storage
        self._facts = facts
        self._seen = 0

    def step(self) -> int:
        """Confirm the requests that have arrived; return how many were looked at."""
        # Only the gapless beginning: a request behind a gap would be passed over later.
        within = self._facts.vector.get("identity", 0)
        found = [one for one in self._requests() if one.position <= within]
        for request in found:
            self._confirm(request)
            self._seen = request.position
        return len(found)

    def _requests(self) -> list[Request]:
        with self._facts.store.cursor() as db:
            rows = db.execute(_REQUESTS, [self._seen]).fetchall()
        names = Request.__slots__
        return [Request(**dict(zip(names, row, strict=True))) for row in rows]

    def _confirm(self, request: Request) -> None:
        with self._storage.begin(self._context(request)) as work:
            if not work.already_done:
                erase(
                    work,
                    request_id=UUID(request.request_id),
                    subjects=json.loads(request.subjects),
                    forget=keeps_nothing,  # facts hold opaque ids, and the numbers stay
                )

    def _context(self, request: Request) -> Context:
        command_id = derived_id(request.tenant, request.event_id, _READER)
        return Context(
            tenant=request.tenant,
            actor=f"reader:{_READER}",
            command_id=command_id,
            digest=digest_of(self._storage.secret, str(command_id).encode()),
            correlation_id=UUID(request.correlation_id),
            causation_id=UUID(request.event_id),
            traceparent=request.traceparent,
            now=moment(request.occurred_at),
        )
