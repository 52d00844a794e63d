"""The erasure request: which services have forgotten a person, and which are late."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound
from identity.events import ErasureAcknowledged, ErasureEscalated, ErasureEvent

SERVICES = ("identity", "listening", "campaigns", "commerce", "loop")
DEADLINE = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledge:
    """Take note that a service has forgotten the person."""

    request_id: UUID
    service: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Escalate:
    """Call for somebody to look at the services that are late."""

    request_id: UUID
    due_at: datetime


ErasureCommand = Acknowledge | Escalate


class ErasureUnknown(NotFound):
    """Nobody asked for this."""

    code = "erasure_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Who has confirmed, and how often somebody had to be called."""

    confirmed: tuple[str, ...] = ()
    escalations: int = 0

    @property
    def missing(self) -> tuple[str, ...]:
        """The services that have not confirmed."""
        return tuple(service for service in SERVICES if service not in self.confirmed)


def decide(progress: Progress, command: ErasureCommand) -> Sequence[ErasureEvent]:
    """Turn a command into facts."""
    match command:
        case Acknowledge():
            if command.service in progress.confirmed:
                return []
            return [ErasureAcknowledged(request_id=command.request_id, service=command.service)]
        case Escalate():
            return _escalate(progress, command)
        case _:
            assert_never(command)


def evolve(progress: Progress, event: ErasureEvent) -> Progress:
    """Apply one fact."""
    match event:
        case ErasureAcknowledged():
            return replace(progress, confirmed=(*progress.confirmed, event.service))
        case ErasureEscalated():
            return replace(progress, escalations=progress.escalations + 1)
        case _:
            assert_never(event)


def _escalate(progress: Progress, command: Escalate) -> Sequence[ErasureEvent]:
    if not progress.missing:
        return []
    return [
        ErasureEscalated(
            request_id=command.request_id, missing=progress.missing, due_at=command.due_at
        )
    ]


ERASURE = Decider(category="erasure_request", initial=Progress(), decide=decide, evolve=evolve)
