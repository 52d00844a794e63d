"""Traces: spans that follow one fact from its cause to its last effect.

Only this package and the messaging modules know OpenTelemetry.  Before
``chassis.telemetry.setup.start`` runs, spans cost next to nothing and go nowhere.
"""

import contextvars
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context as OtelContext
from opentelemetry.trace import Link, NoOpTracer, SpanContext, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.errors import Rejected
from chassis.telemetry.guard import Guard, Value
from chassis.telemetry.tentative import tell

P = ParamSpec("P")
R = TypeVar("R")
Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, Value | None]

_W3C = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Installed:
    tracer: Tracer = field(default_factory=NoOpTracer)
    guard: Guard = field(default_factory=Guard)


_installed = _Installed()


def install(tracer: Tracer, guard: Guard) -> None:
    """Send spans to ``tracer`` from now on, through ``guard``."""
    _installed.tracer, _installed.guard = tracer, guard


def uninstall() -> None:
    """Send spans nowhere, as before any set-up."""
    install(NoOpTracer(), Guard())


def current_traceparent() -> str | None:
    """Return the W3C trace context of what runs now, to store with what it causes."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


def current_ids() -> tuple[str, str] | None:
    """Return the trace and span id, in hexadecimal, of what runs now."""
    now = trace.get_current_span().get_span_context()
    if not now.is_valid:
        return None
    return trace.format_trace_id(now.trace_id), trace.format_span_id(now.span_id)


def current_trace_id() -> str | None:
    """Return the trace that runs now, for a problem report."""
    ids = current_ids()
    return ids[0] if ids else None


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace that a stored trace context belongs to; nonsense belongs to none."""
    context = _context_of(traceparent)
    return trace.format_trace_id(context.trace_id) if context else None


@contextmanager
def span(
    name: str,
    *,
    kind: Kind = "internal",
    attributes: Attributes | None = None,
    parent: str | None = None,
    links: Sequence[str | None] = (),
) -> Iterator[None]:
    """Run a block as one span.

    An exception marks the span with its class, never with its message, which may
    quote a person.  A refusal by a rule is an answer and no error.

    Args:
        name: Few different ones; no ids.
        kind: The span's role.
        attributes: Only keys on the list of ``chassis.telemetry.guard``.
        parent: Stored trace context to continue; without it the current span's.
        links: Stored trace contexts that this block follows from.

    Raises:
        AttributeRefused: an attribute is not on the list (not in production).
    """
    admitted = _installed.guard.span(attributes or {})
    if parent is None and isinstance(_installed.tracer, NoOpTracer):
        yield  # nobody listens, and whatever trace came from elsewhere just goes on
        return
    opened = _installed.tracer.start_span(
        name,
        context=_continue(parent),
        kind=SpanKind[kind.upper()],
        attributes=admitted,
        links=[Link(context) for context in map(_context_of, links) if context],
    )
    with trace.use_span(
        opened, end_on_exit=False, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield
        except Exception as error:
            _mark(opened, error)
            raise
        finally:
            # A span that never ends is never exported: that is how undone work stays unseen.
            tell(functools.partial(opened.end, time.time_ns()))


def annotate(attributes: Attributes) -> None:
    """Add attributes to the current span, once they are known.

    Raises:
        AttributeRefused: one is not on the list (not in production).
    """
    admitted = _installed.guard.span(attributes)
    for name, value in admitted.items():
        trace.get_current_span().set_attribute(name, value)


def publishing(
    destination: str, *, count: int | None = None, attributes: Attributes | None = None
) -> AbstractContextManager[None]:
    """Open ``publish {destination}`` around handing messages to the broker."""
    messaging = _messaging(destination, "publish", "send", count)
    return span(
        f"publish {destination}", kind="producer", attributes={**messaging, **(attributes or {})}
    )


def processing(
    destination: str,
    sources: Sequence[str | None],
    *,
    count: int | None = None,
    attributes: Attributes | None = None,
) -> AbstractContextManager[None]:
    """Open ``process {destination}`` around handling events.

    Args:
        destination: The queue or subscription.
        sources: The trace contexts that were stored with the events.  All are linked; a
            sole one is also continued, so that one trace runs from cause to last effect.
        count: How many events, where several are handled as one batch.
        attributes: Of the event, from the allowed list.
    """
    messaging = _messaging(destination, "process", "process", count)
    return span(
        f"process {destination}",
        kind="consumer",
        attributes={**messaging, **(attributes or {})},
        parent=sources[0] if len(sources) == 1 else None,
        links=sources,
    )


def bound_context(function: Callable[P, R]) -> Callable[P, R]:
    """Carry the caller's trace and log context into a thread or greenthread.

    A spawned greenthread starts with an empty context, so its spans would begin
    traces of their own: ``spawn(bound_context(work), argument)``.
    """
    captured = contextvars.copy_context()

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        # One Context object cannot be entered twice at a time: two spawns need a copy each.
        return captured.copy().run(function, *args, **kwargs)

    return call


def _continue(parent: str | None) -> OtelContext | None:
    return _W3C.extract({"traceparent": parent}) if _context_of(parent) else None


def _context_of(traceparent: str | None) -> SpanContext | None:
    if not traceparent:
        return None
    extracted = _W3C.extract({"traceparent": traceparent}, context=OtelContext())
    found = trace.get_current_span(extracted).get_span_context()
    return found if found.is_valid else None


def _mark(opened: trace.Span, error: Exception) -> None:
    opened.set_attribute("error.type", type(error).__qualname__)
    if not isinstance(error, Rejected):
        opened.set_status(Status(StatusCode.ERROR))


def _messaging(
    destination: str, operation: str, operation_type: str, count: int | None
) -> dict[str, Value | None]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": destination,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation_type,
        "messaging.batch.message_count": count,
    }
