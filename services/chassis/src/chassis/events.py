"""The registry of a service's events: wire names, versions, upcasters, personal fields."""

import json
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from chassis import schemas, stored_values
from chassis.envelope import Envelope
from chassis.log import Draft
from chassis.privacy import KeyStore, Personal, seal_fields, unseal_fields

E = TypeVar("E")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class UnknownEvent(Exception):
    """The wire name, or its version, is not one that this build knows; the event is parked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventKind:
    """What the registry knows of one event."""

    cls: type[Any]
    name: str
    version: int
    public: bool
    personal: Mapping[str, str]
    read: Callable[[bytes], Any]
    write: stored_values.Write
    upcasters: dict[int, Upcaster] = field(default_factory=dict)


class EventRegistry:
    """Every event of one service, by its hand-written wire name.

    >>> from typing import Annotated
    >>> from chassis.privacy import MemoryKeys
    >>> registry = EventRegistry("demo")
    >>> @registry.event("greeted")
    ... @dataclass(frozen=True, kw_only=True)
    ... class Greeted:
    ...     person_id: str
    ...     name: Annotated[str | None, Personal("person_id")]
    >>> keys = MemoryKeys()
    >>> data, subjects = registry.encode(Greeted(person_id="p1", name="Ada"), "acme", keys)
    >>> subjects, b"Ada" in data
    (('p1',), False)
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._by_name: dict[str, EventKind] = {}
        self._by_class: dict[type[Any], EventKind] = {}

    def __iter__(self) -> Iterator[EventKind]:
        """Yield every kind, in order of declaration."""
        return iter(self._by_name.values())

    def event(
        self, name: str, *, version: int = 1, public: bool = False
    ) -> Callable[[type[E]], type[E]]:
        """Declare an event class under its wire name.

        Raises:
            ValueError: the name or the class is taken, or a personal field does not allow
                ``None``.
        """

        def declare(cls: type[E]) -> type[E]:
            if name in self._by_name or cls in self._by_class:
                raise ValueError(f"{name} ({cls.__name__}) is declared twice in {self.service}")
            kind = EventKind(
                cls=cls,
                name=name,
                version=version,
                public=public,
                personal=_personal(cls),
                read=stored_values.reader(cls),
                write=stored_values.writer(cls),
            )
            schemas.schema_of(cls)
            self._by_name[name] = self._by_class[cls] = kind
            return cls

        return declare

    def upcaster(self, name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
        """Declare the pure function that lifts data from one version to the next."""

        def declare(function: Upcaster) -> Upcaster:
            self._by_name[name].upcasters[from_version] = function
            return function

        return declare

    def kind_of(self, event: object) -> EventKind:
        """Return what was declared for an event."""
        return self.kind_for(type(event))

    def kind_for(self, cls: type[Any]) -> EventKind:
        """Return what was declared for an event's class."""
        return self._by_class[cls]

    def kind(self, name: str) -> EventKind:
        """Return what was declared under a wire name.

        Raises:
            UnknownEvent: nothing was.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownEvent(f"{self.service} has no event {name!r}") from None

    def encode(self, event: object, tenant: str, keys: KeyStore) -> tuple[bytes, tuple[str, ...]]:
        """Return the bytes to store and the subjects that they belong to."""
        kind = self.kind_of(event)
        data, subjects = seal_fields(kind.write(event), kind.personal, tenant, keys)
        return _JSON.encode(data).encode(), subjects

    def draft(self, event: object, tenant: str, keys: KeyStore) -> Draft:
        """Return what the log is given of an event."""
        kind = self.kind_of(event)
        data, subjects = self.encode(event, tenant, keys)
        return Draft(type=kind.name, schema_version=kind.version, subjects=subjects, data=data)

    def decode(self, stored: Envelope, keys: KeyStore) -> Any:
        """Return the event object, lifted to today's version.

        Raises:
            UnknownEvent: the name or version is newer than this build.
            Invalid: the bytes do not fit the schema.
        """
        kind = self.kind(stored.type)
        if stored.schema_version == kind.version and not kind.personal:
            return kind.read(stored.data)
        data = lift(kind, stored.schema_version, msgspec.json.decode(stored.data))
        opened = unseal_fields(data, kind.personal, stored.tenant, keys)
        return stored_values.convert(kind.cls, opened)


def lift(kind: EventKind, version: int, data: dict[str, Any]) -> dict[str, Any]:
    """Apply upcasters until ``data`` has today's version."""
    if version > kind.version:
        raise UnknownEvent(f"{kind.name} version {version} is newer than {kind.version}")
    while version < kind.version:
        if version not in kind.upcasters:
            raise UnknownEvent(f"{kind.name} has no upcaster from version {version}")
        data, version = kind.upcasters[version](data), version + 1
    return data


def _personal(cls: type[Any]) -> dict[str, str]:
    hints = typing.get_type_hints(cls, include_extras=True)
    marked = {name: schemas.annotation(hint, Personal) for name, hint in hints.items()}
    personal = {name: mark.subject for name, mark in marked.items() if mark}
    for name, owner in personal.items():
        if type(None) not in typing.get_args(typing.get_args(hints[name])[0]):
            raise ValueError(f"{cls.__name__}.{name} is personal, so it must allow None")
        if owner not in hints:
            raise ValueError(f"{cls.__name__}.{name} belongs to unknown field {owner!r}")
    return personal
