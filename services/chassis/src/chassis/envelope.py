"""What travels with an event, in the log and on the bus, and the chain over it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.clock import micros

GENESIS = bytes(32)
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One stored event; ``data`` is the exact bytes that were written."""

    id: UUID
    tenant: str
    stream: str
    version: int
    type: str
    schema_version: int
    lane: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID
    traceparent: str | None
    subjects: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded(Envelope):
    """A stored event with its place in the log's total order.

    Args:
        position: 1, 2, 3, ... without gaps over the whole log.
        prev: Position of the previous event in the same lane, 0 for the first.
        chain: SHA-256 over the previous chain of the lane, this envelope and its data.
    """

    position: int
    prev: int
    chain: bytes


def canonical(envelope: Envelope, *, position: int, prev: int) -> bytes:
    """Return the one byte form of an envelope that chains are computed over."""
    parts = [
        str(envelope.id),
        envelope.tenant,
        envelope.stream,
        envelope.version,
        envelope.type,
        envelope.schema_version,
        position,
        envelope.lane,
        prev,
        micros(envelope.occurred_at),
        micros(envelope.recorded_at),
        envelope.actor,
        str(envelope.command_id),
        str(envelope.correlation_id),
        str(envelope.causation_id),
        envelope.traceparent,
        list(envelope.subjects),
    ]
    return _JSON.encode(parts).encode()


def next_chain(previous: bytes, envelope: Envelope, *, position: int, prev: int) -> bytes:
    """Return the lane's chain after ``envelope``, 32 bytes."""
    header = canonical(envelope, position=position, prev=prev)
    return hashlib.sha256(previous + header + envelope.data).digest()


def continues(previous: bytes, event: Recorded) -> bool:
    """Say whether ``event`` is the true successor of a chain."""
    return event.chain == next_chain(previous, event, position=event.position, prev=event.prev)
