"""Which attributes may leave the process in telemetry; everything else is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chassis.redaction import hidden, redact

Value = str | bool | int | float | Sequence[str]

ALLOWED = frozenset(
    {
        "db.system.name",
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "messaging.batch.message_count",
        "messaging.destination.name",
        "messaging.message.id",
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.rabbitmq.destination.routing_key",
        "messaging.system",
        "network.protocol.version",
        "server.address",
        "server.port",
        "sixfold.causation_id",
        "sixfold.command",
        "sixfold.command_id",
        "sixfold.consumer",
        "sixfold.correlation_id",
        "sixfold.count",
        "sixfold.event_id",
        "sixfold.event_type",
        "sixfold.lane",
        "sixfold.outcome",
        "sixfold.position",
        "sixfold.process",
        "sixfold.projection",
        "sixfold.requirement",
        "sixfold.schema_version",
        "sixfold.source",
        "sixfold.stream",
        "sixfold.tenant",
        "sixfold.timer",
        "sixfold.tries",
        "sixfold.version",
        "url.scheme",
    }
)
_LONGEST = 256


class AttributeRefused(Exception):
    """An attribute that nobody allowed was about to reach telemetry; it may be personal."""


def _ignore(_count: int) -> None:
    """Count nothing: nobody listens yet."""


@dataclass(kw_only=True, slots=True)
class Guard:
    """Lets listed attributes through, with their texts redacted and cut.

    Args:
        strict: Raise for an unlisted attribute (development, test); else drop and count it.
        extra: What a service allows beyond the list.
        on_drop: Is told how many were dropped.
        dropped: How many were dropped so far.
    """

    strict: bool = True
    extra: frozenset[str] = frozenset()
    on_drop: Callable[[int], None] = _ignore
    dropped: int = 0

    def __post_init__(self) -> None:
        """Refuse to allow a name that is known to be personal or secret."""
        for name in self.extra:
            if hidden(name.rpartition(".")[2]):
                raise AttributeRefused(name)

    def span(self, attributes: Mapping[str, Value | None]) -> dict[str, Value]:
        """Return the attributes that a span may carry.

        Raises:
            AttributeRefused: one is not on the list, and the guard is strict.
        """
        return self.admit(attributes, ALLOWED | self.extra)

    def admit(
        self, attributes: Mapping[str, Value | None], allowed: frozenset[str]
    ) -> dict[str, Value]:
        """Return what ``allowed`` names; an attribute that is None is simply not there.

        Raises:
            AttributeRefused: something else was given, and the guard is strict.
        """
        refused = sorted(attributes.keys() - allowed)
        if refused:
            self._refuse(refused)
        return {
            name: _clean(value)
            for name, value in attributes.items()
            if name in allowed and value is not None
        }

    def _refuse(self, names: Sequence[str]) -> None:
        if self.strict:
            raise AttributeRefused(f"{', '.join(names)}: not on the list of allowed attributes")
        self.dropped += len(names)
        self.on_drop(len(names))


def _clean(value: Value) -> Value:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value)[:_LONGEST]
    return [redact(text)[:_LONGEST] for text in value]
