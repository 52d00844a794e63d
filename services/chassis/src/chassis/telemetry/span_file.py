"""Spans as lines of JSON in a file that several processes share; for tests and drill-down."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id


class SpanFile(SpanExporter):
    """Appends every finished span to one file.

    A line is handed over in one write to a file opened for appending, so lines of
    several processes do not mix.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write one line for each span."""
        os.write(
            self._file, b"".join(b"%b\n" % msgspec.json.encode(as_json(span)) for span in spans)
        )
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file; a second time does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_spans(path: Path, trace_id: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the spans in a file, of one trace or all; a line still being written is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n") and (trace_id is None or trace_id in line):
                span = json.loads(line)
                if trace_id in (None, span["trace_id"]):
                    yield span


def as_json(span: ReadableSpan) -> dict[str, Any]:
    """Return a span in JSON types."""
    return {
        "name": span.name,
        "kind": span.kind.name.lower(),
        **_ids(span.context),
        "parent_id": format_span_id(span.parent.span_id) if span.parent else None,
        "links": [_ids(link.context) for link in span.links],
        "service": span.resource.attributes.get("service.name"),
        "started": span.start_time,
        "ended": span.end_time,
        "status": span.status.status_code.name.lower(),
        "attributes": dict(span.attributes or {}),
    }


def _ids(context: SpanContext | None) -> dict[str, str | None]:
    if context is None:
        return {"trace_id": None, "span_id": None}
    return {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
    }
