"""The metrics as Prometheus reads them: names and units translated by OpenTelemetry's rules."""

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricReader
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

# What tells one process's series from another's, whoever scrapes them.
_ON_EVERY_SERIES = frozenset({"service.name", "sixfold.workload"})


class Exposition:
    """Renders what was measured so far as text, whenever it is asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.reader: MetricReader = PrometheusMetricReader(
            scope_info_enabled=False,  # there is one scope
            resource_attribute_filter=_ON_EVERY_SERIES.__contains__,
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Return every series with its latest value."""
        return generate_latest(self._registry)
