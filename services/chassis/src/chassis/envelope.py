"""What travels with an event, in the log and on the bus, and the chain over it.

There are two shapes of one thing: ``Recorded`` is what readers work with, ``Stored`` are its
columns as databases and segments hold them.  Whatever only moves or checks events (numbering,
verifying, archiving) stays with columns: making ids and moments of them costs more than the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID, SafeUUID

import msgspec

from chassis.clock import micros, moment

GENESIS = bytes(32)
_write = msgspec.json.Encoder().encode
# A page of a log has four ids for each event, and UUID's constructor costs four times this.
_new, _set_int, _set_safety = (
    object.__new__, vars(UUID)["int"].__set__, vars(UUID)["is_safe"].__set__,
)  # fmt: skip
_UNKNOWN = SafeUUID.unknown
_read_subjects = msgspec.json.Decoder(tuple[str, ...]).decode


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


class Stored(NamedTuple):
    """The columns of a positioned event: ids as text, moments in µs since 1970.

    ``subjects`` is a JSON list as text, written without spaces.
    """

    id: str
    tenant: str
    stream: str
    version: int
    type: str
    schema_version: int
    lane: int
    occurred_at: int
    recorded_at: int
    actor: str
    command_id: str
    correlation_id: str
    causation_id: str
    traceparent: str | None
    subjects: str
    data: bytes
    position: int
    prev: int
    chain: bytes


COLUMNS = Stored._fields[:16]
"""The columns that an event has before it has a place."""


def recorded_of(stored: Stored) -> Recorded:
    """Return the event in a log's columns."""
    return Recorded(
        **_attributes(stored), position=stored.position, prev=stored.prev, chain=stored.chain
    )


def envelope_of(columns: tuple[Any, ...]) -> Envelope:
    """Return the envelope in the first 16 of a log's columns."""
    return Envelope(**_attributes(Stored._make((*columns, 0, 0, b""))))


def _attributes(stored: Stored) -> dict[str, Any]:
    return {
        "id": uuid_of(stored.id),
        "tenant": stored.tenant,
        "stream": stored.stream,
        "version": stored.version,
        "type": stored.type,
        "schema_version": stored.schema_version,
        "lane": stored.lane,
        "occurred_at": moment(stored.occurred_at),
        "recorded_at": moment(stored.recorded_at),
        "actor": stored.actor,
        "command_id": uuid_of(stored.command_id),
        "correlation_id": uuid_of(stored.correlation_id),
        "causation_id": uuid_of(stored.causation_id),
        "traceparent": stored.traceparent,
        "subjects": _read_subjects(stored.subjects),
        "data": bytes(stored.data),
    }


def columns_of(envelope: Envelope) -> tuple[Any, ...]:
    """Return an envelope's columns, in the order of ``COLUMNS``."""
    return (
        str(envelope.id),
        envelope.tenant,
        envelope.stream,
        envelope.version,
        envelope.type,
        envelope.schema_version,
        envelope.lane,
        micros(envelope.occurred_at),
        micros(envelope.recorded_at),
        envelope.actor,
        str(envelope.command_id),
        str(envelope.correlation_id),
        str(envelope.causation_id),
        envelope.traceparent,
        subjects_text(envelope.subjects),
        envelope.data,
    )


def subjects_text(subjects: tuple[str, ...]) -> str:
    """Return subjects as their column has them, which is how the chain has them too.

    >>> subjects_text(("p1", "p2"))
    '["p1","p2"]'
    """
    return _write(subjects).decode() if subjects else "[]"


def stored_of(event: Recorded) -> Stored:
    """Return an event as a log's columns."""
    return Stored._make((*columns_of(event), event.position, event.prev, event.chain))


def uuid_of(text: str) -> UUID:
    """Return the id in a text that a database wrote.

    >>> uuid_of("5f0c1f0d-6f1d-5e55-9d0a-51f01d51f01d")
    UUID('5f0c1f0d-6f1d-5e55-9d0a-51f01d51f01d')
    """
    made = _new(UUID)
    _set_int(made, int(text.replace("-", ""), 16))
    _set_safety(made, _UNKNOWN)
    return made


def header(columns: tuple[Any, ...], position: int, prev: int) -> bytes:
    """Return the one byte form of an envelope that chains are computed over.

    Args:
        columns: The event's, in the order of ``COLUMNS``; more may follow.
        position: Where it stands in the log.
        prev: Where the event before it in its lane stands.
    """
    return _write(
        (
            *columns[:6],
            position,
            columns[6],
            prev,
            *columns[7:14],
            msgspec.Raw(columns[14].encode()),
        )
    )


def chain_of(previous: bytes, columns: tuple[Any, ...], position: int, prev: int) -> bytes:
    """Return the lane's chain after an event, 32 bytes."""
    return sha256(b"".join((previous, header(columns, position, prev), columns[15]))).digest()


def next_chain(previous: bytes, envelope: Envelope, *, position: int, prev: int) -> bytes:
    """Return the lane's chain after ``envelope``, 32 bytes."""
    return chain_of(previous, columns_of(envelope), position, prev)


def continues(previous: bytes, event: Recorded) -> bool:
    """Say whether ``event`` is the true successor of a chain."""
    return event.chain == next_chain(previous, event, position=event.position, prev=event.prev)
