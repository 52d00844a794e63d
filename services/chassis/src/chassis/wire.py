"""One positioned event as headers and body: the same on the bus, in feeds and in parked rows."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chassis.clock import micros, moment
from chassis.envelope import Recorded
from chassis.ids import LANES

_NO_SUBJECTS = "[]"


def headers_of(event: Recorded, source: str) -> dict[str, Any]:
    """Return an event's headers: CloudEvents attributes, then what ordered consumers need."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(event.id),
        "ce-source": f"/{source}",
        "ce-type": event.type,
        "ce-subject": event.stream,
        "ce-time": event.occurred_at.isoformat(),
        "ce-datacontenttype": "application/json",
        "tenant": event.tenant,
        "stream": event.stream,
        "version": event.version,
        "schema_version": event.schema_version,
        "position": event.position,
        "lane": event.lane,
        "prev": event.prev,
        "chain": event.chain.hex(),
        "occurred_at": micros(event.occurred_at),
        "recorded_at": micros(event.recorded_at),
        "actor": event.actor,
        "command_id": str(event.command_id),
        "correlation_id": str(event.correlation_id),
        "causation_id": str(event.causation_id),
        "subjects": json.dumps(event.subjects) if event.subjects else _NO_SUBJECTS,
    }
    if event.traceparent:
        headers["traceparent"] = event.traceparent
    return headers


def event_of(headers: Mapping[str, Any], body: bytes) -> Recorded:
    """Return the event in a message.

    Raises:
        ValueError: the message was not written by ``headers_of``.
    """
    try:
        return _event_of(headers, body)
    except (
        KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise ValueError(f"not an event: {type(error).__name__}") from error


def _event_of(headers: Mapping[str, Any], body: bytes) -> Recorded:
    return Recorded(
        id=UUID(headers["ce-id"]),
        tenant=_text(headers["tenant"]),
        stream=_text(headers["stream"]),
        version=_whole(headers["version"]),
        type=_text(headers["ce-type"]),
        schema_version=_whole(headers["schema_version"]),
        lane=_lane(headers["lane"]),
        occurred_at=moment(_whole(headers["occurred_at"])),
        recorded_at=moment(_whole(headers["recorded_at"])),
        actor=_text(headers["actor"]),
        command_id=UUID(headers["command_id"]),
        correlation_id=UUID(headers["correlation_id"]),
        causation_id=UUID(headers["causation_id"]),
        traceparent=_trace(headers.get("traceparent")),
        subjects=_subjects(headers["subjects"]),
        data=body,
        position=_whole(headers["position"]),
        prev=_whole(headers["prev"]),
        chain=bytes.fromhex(headers["chain"]),
    )


def _subjects(value: Any) -> tuple[str, ...]:
    return () if value == _NO_SUBJECTS else tuple(json.loads(value))


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(type(value).__name__)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def _trace(value: Any) -> str | None:
    # Handling is timed before the chain is checked: a tracer fails on anything but text.
    return None if value is None else _text(value)


def _lane(value: Any) -> int:
    # Asking the producer for a lane that does not exist would never succeed.
    if value not in range(LANES):
        raise ValueError("not a lane")
    return _whole(value)


def to_text(event: Recorded, source: str) -> str:
    """Return an event as one line of JSON."""
    return json.dumps({"headers": headers_of(event, source), "data": event.data.decode()})


def from_text(line: str) -> Recorded:
    """Return the event in a line of ``to_text``."""
    parts = json.loads(line)
    return event_of(parts["headers"], parts["data"].encode())
