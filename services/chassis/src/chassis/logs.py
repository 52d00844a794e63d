"""Structured logs: one JSON object a line on stderr, from our code and from libraries alike."""

import logging
import logging.config
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

from chassis import telemetry
from chassis.redaction import redact, redact_fields
from chassis.settings import Settings

Event = MutableMapping[str, Any]

_QUIET = ("nameko", "kombu", "amqp", "sqlalchemy", "alembic", "urllib3", "httpx", "eventlet")
# What the HTTP edge says of a request that failed; anybody else's extras stay out.
_OF_A_DEFECT = ("code", "error", "cause", "where")
# These are ours to name; everything else in a line passes through redaction.
_TRUSTED = frozenset({"time", "level", "service", "logger", "trace_id", "span_id"})


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream``, as JSON; stderr unless told otherwise.

    Libraries speak from WARNING up.  An exception nobody caught becomes a line too,
    because the interpreter's own report would show a password in its message.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(settings.service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    _configure_structlog()
    sys.excepthook = _uncaught


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; pass what happened first, then facts as keywords, never a person's."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(service: str) -> ProcessorFormatter:
    def add_origin(_logger: Any, _method: str, event: Event) -> Event:
        event["service"] = service
        event.update(zip(("trace_id", "span_id"), telemetry.current_ids() or (), strict=False))
        return event

    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ExtraAdder(allow=_OF_A_DEFECT),
        ],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            _redacted,
            add_origin,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _redacted(_logger: Any, _method: str, event: Event) -> Event:
    # The text of the line is called "event", a traceback "exception": neither is a field's name.
    texts = {name: redact(str(event[name])) for name in ("event", "exception") if name in event}
    ours = {name: event[name] for name in _TRUSTED & event.keys()}
    others = {name: value for name, value in event.items() if name not in texts | ours}
    return {**texts, **redact_fields(others), **ours}


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger("uncaught").critical("process failed", exc_info=(kind, error, trace))
