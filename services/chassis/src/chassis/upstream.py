"""Other services' events, as much of them as one consumer reads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chassis import schemas, stored_values
from chassis.envelope import Envelope
from chassis.events import UnknownEvent

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True, slots=True)
class Consumed:
    """One event of one producer: our own class for it and the versions we understand.

    Args:
        read: Reads the event's bytes, without its schema where that can be.
    """

    source: str
    name: str
    cls: type[Any]
    versions: tuple[int, ...]
    read: stored_values.Read[Any]


class Upstream:
    """What a service has declared of other services' events."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Consumed] = {}

    def __iter__(self) -> Iterator[Consumed]:
        """Yield every declaration."""
        return iter(self._known.values())

    def event(
        self, source: str, name: str, *, versions: Sequence[int] = (1,)
    ) -> Callable[[type[E]], type[E]]:
        """Declare the fields that we read of ``source``'s event ``name``.

        Raises:
            ValueError: they are declared already; the one would silently replace the other.
        """

        def declare(cls: type[E]) -> type[E]:
            if (source, name) in self._known:
                raise ValueError(f"{source} {name} is declared twice")
            schemas.schema_of(cls, tolerant=True)
            self._known[source, name] = Consumed(
                source=source,
                name=name,
                cls=cls,
                versions=tuple(versions),
                read=stored_values.reader_of_others(cls),
            )
            return cls

        return declare

    def load(self, source: str, stored: Envelope) -> Any:
        """Return our class for a producer's event; its personal fields stay sealed.

        Raises:
            UnknownEvent: not declared, or a version that we don't understand.
            Invalid: a field that we read is missing or has another type.
        """
        known = self._known.get((source, stored.type))
        if known is None or stored.schema_version not in known.versions:
            raise UnknownEvent(f"{source} {stored.type} version {stored.schema_version}")
        return known.read(stored.data)
