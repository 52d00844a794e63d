"""The span around what one reader does because of one event."""

from contextlib import AbstractContextManager

from chassis import telemetry
from chassis.envelope import Recorded


def handling(reader: str, event: Recorded) -> AbstractContextManager[None]:
    """Open ``process {reader}``, continuing the trace that the event was recorded in.

    What the block records carries this span's context, so that the next reader continues
    the same trace.  The span around the batch, if there is one, is linked.

    Args:
        reader: The subscription, process or gateway.
        event: What it handles; nothing of its data reaches the span.
    """
    attributes: telemetry.Attributes = {
        "messaging.destination.name": reader,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "sixfold.consumer": reader,
        "sixfold.event_id": str(event.id),
        "sixfold.event_type": event.type,
        "sixfold.schema_version": event.schema_version,
        "sixfold.tenant": event.tenant,
        "sixfold.stream": event.stream,
        "sixfold.version": event.version,
        "sixfold.lane": event.lane,
        "sixfold.position": event.position,
    }
    return telemetry.span(
        f"process {reader}",
        kind="consumer",
        attributes=attributes,
        parent=event.traceparent,
        links=[telemetry.current_traceparent()],
    )
