"""Where telemetry goes: a collector over OTLP/HTTP, a file, memory, or nowhere."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import telemetry
from chassis.settings import Settings
from chassis.telemetry import metrics
from chassis.telemetry.exposition import Exposition
from chassis.telemetry.guard import Guard
from chassis.telemetry.span_file import SpanFile, as_json

_SCOPE = "sixfold.chassis"


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """Telemetry that is set up, until it is stopped."""

    tracers: TracerProvider
    meters: MeterProvider
    exposition: Exposition | None = None

    def exposed(self) -> bytes:
        """Return the metrics in Prometheus' text format; nothing where nobody would read them."""
        return self.exposition.text() if self.exposition else b""

    def stop(self) -> None:
        """Hand over what is still held, then go quiet."""
        telemetry.uninstall()
        metrics.uninstall()
        self.tracers.shutdown()
        self.meters.shutdown()


@dataclass(frozen=True, kw_only=True, slots=True)
class InMemory(Running):
    """Telemetry that a test can look at."""

    finished: InMemorySpanExporter
    measured: InMemoryMetricReader

    def spans(self) -> list[dict[str, Any]]:
        """Return every finished span, oldest first."""
        return [as_json(span) for span in self.finished.get_finished_spans()]

    def measurements(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Return, by metric, each combination of labels with its data point."""
        data = self.measured.get_metrics_data()
        found = [
            metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return {
            metric.name: [
                (dict(point.attributes or {}), point) for point in metric.data.data_points
            ]
            for metric in found
        }


def start(
    settings: Settings, workload: str, *, extra_attributes: frozenset[str] = frozenset()
) -> Running:
    """Set up telemetry for one process, as its settings say.

    Args:
        settings: Where spans and metrics go.
        workload: What kind of process this is, ``worker`` or ``relay`` and the like.
        extra_attributes: Span attributes of the service beyond the chassis' list.
    """
    resource = _resource(settings, workload)
    exposition = Exposition() if settings.ops_port is not None else None
    readers = [*_readers(settings), *([exposition.reader] if exposition else [])]
    tracers, meters = _providers(resource, _processors(settings), readers)
    guard = Guard(strict=not settings.production, extra=extra_attributes, on_drop=_count_dropped)
    _install(tracers, meters, guard)
    _count_dropped(0)  # a rate needs a beginning, here and wherever else 0 is recorded
    return Running(tracers=tracers, meters=meters, exposition=exposition)


def in_memory(*, strict: bool = True) -> InMemory:
    """Set up telemetry that stays in this process, for a unit test."""
    finished, measured, exposition = InMemorySpanExporter(), InMemoryMetricReader(), Exposition()
    resource = Resource({"service.name": "test", "sixfold.workload": "test"})
    tracers, meters = _providers(
        resource, [SimpleSpanProcessor(finished)], [measured, exposition.reader]
    )
    _install(tracers, meters, Guard(strict=strict, on_drop=_count_dropped))
    return InMemory(
        tracers=tracers,
        meters=meters,
        exposition=exposition,
        finished=finished,
        measured=measured,
    )


def _providers(
    resource: Resource, processors: Sequence[SpanProcessor], readers: Sequence[MetricReader]
) -> tuple[TracerProvider, MeterProvider]:
    tracers = TracerProvider(resource=resource, shutdown_on_exit=True)
    for processor in processors:
        tracers.add_span_processor(processor)
    return tracers, MeterProvider(readers, resource=resource, shutdown_on_exit=True)


def _install(tracers: TracerProvider, meters: MeterProvider, guard: Guard) -> None:
    telemetry.install(tracers.get_tracer(_SCOPE), guard)
    metrics.install(meters.get_meter(_SCOPE), guard)


def _resource(settings: Settings, workload: str) -> Resource:
    described: Mapping[str, str | int] = {
        "service.namespace": "sixfold",
        "service.name": settings.service,
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        "deployment.environment.name": settings.environment,
        "sixfold.workload": workload,
    }
    return Resource.create(described)


def _processors(settings: Settings) -> list[SpanProcessor]:
    processors: list[SpanProcessor] = []
    if settings.span_file:
        processors.append(SimpleSpanProcessor(SpanFile(settings.span_file)))
    if settings.otel_exporter_otlp_endpoint:
        endpoint = f"{settings.otel_exporter_otlp_endpoint}/v1/traces"
        processors.append(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return processors


def _readers(settings: Settings) -> list[MetricReader]:
    if not settings.otel_exporter_otlp_endpoint:
        return []
    endpoint = f"{settings.otel_exporter_otlp_endpoint}/v1/metrics"
    return [PeriodicExportingMetricReader(OTLPMetricExporter(endpoint))]


def _count_dropped(count: int) -> None:
    metrics.record(metrics.ATTRIBUTES_DROPPED, count)
