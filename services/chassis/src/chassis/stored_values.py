"""Read and write dataclasses as JSON by their types alone, in a fraction of their schema's time.

Marshmallow says to a caller what is wrong with each field.  What stands in the own log was let
through by it once; reading it again needs the types only.  What another service's log has was
never held against our declaration: there types are enough where they say all that its schema does.
What is written was made by our own code, of the types that it declares; anything else is left to
the schema.
"""

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast
from uuid import UUID

import msgspec
from marshmallow import fields

from chassis import schemas
from chassis.clock import on_calendar
from chassis.errors import Invalid

T = TypeVar("T")
Read = Callable[[bytes], T]
Write = Callable[[Any], dict[str, Any]]
# An offset that is not UTC's; moments are handed out in UTC, however they were written.
_ELSEWHERE = re.compile(rb'[+-](?!00:?00")\d\d:?\d\d"')
_ALIKE = (str, int, bool, UUID, types.NoneType)


def reader(cls: type[T]) -> Read[T]:
    """Return the function that reads ``cls`` from the own log's JSON; it raises Invalid."""
    decoder = msgspec.json.Decoder(cls)
    timed = _has_moments(cls)

    def read(data: bytes) -> T:
        if timed and _ELSEWHERE.search(data):
            return schemas.load(cls, msgspec.json.decode(data))
        try:
            return decoder.decode(data)
        except msgspec.ValidationError as error:
            raise Invalid([str(error)]) from error

    return read


def convert(cls: type[T], data: Any) -> T:
    """Return ``cls`` from JSON values that its schema let through once; raises Invalid."""
    if _has_moments(cls) and _ELSEWHERE.search(msgspec.json.encode(data)):
        return schemas.load(cls, data)
    try:
        return msgspec.convert(data, cls, str_keys=True)
    except msgspec.ValidationError as error:
        raise Invalid([str(error)]) from error


def reader_of_others(cls: type[T]) -> Read[T]:
    """Return the function that reads ``cls`` from another log's JSON, exactly as its schema does.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Told:
    ...     number: int
    >>> reader_of_others(Told)(b'{"number": 1, "added": true}')
    Told(number=1)
    """

    def by_schema(data: bytes) -> T:
        return schemas.load(cls, json.loads(data), tolerant=True)

    if not _says_all(cls):
        return by_schema
    decoder = msgspec.json.Decoder(cls)

    def read(data: bytes) -> T:
        try:
            return decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return by_schema(data)  # it says what is wrong, or reads what is merely unusual

    return read


def writer(cls: type[Any]) -> Write:
    """Return the function that turns a ``cls`` into JSON types, exactly as its schema does.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Seen:
    ...     by: UUID
    ...     days: tuple[int, ...] = ()
    >>> writer(Seen)(Seen(by=UUID(int=1), days=(1, 2)))
    {'by': '00000000-0000-0000-0000-000000000001', 'days': [1, 2]}
    """
    write = _writes_fields(cls)
    if write is None:
        return schemas.dump

    def written(message: Any) -> dict[str, Any]:
        try:
            return write(message)
        except _Unusual:
            return schemas.dump(message)

    return written


class _Unusual(Exception):
    """A value is not of the type that was declared for it."""


def _writes_type(hint: Any) -> tuple[type[Any], Callable[[Any], Any] | None] | None:
    """Return the class of a type's values and what writes one; None when only a schema knows."""
    hint = _unmarked(hint)
    if hint in _WRITTEN:
        return hint, _WRITTEN[hint]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        write = _writes_fields(hint)
        return None if write is None else (hint, write)
    if typing.get_origin(hint) is Literal and _says_all(hint):
        return str, None
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[1:] == (Ellipsis,):
        return _writes_items(typing.get_args(hint)[0])
    return None


def _unmarked(hint: Any) -> Any:
    """Return a type without what else is said of it; values may be None in any case."""
    if typing.get_origin(hint) is Annotated and not schemas.annotation(hint, fields.Field):
        return _unmarked(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [arg for arg in typing.get_args(hint) if arg is not types.NoneType]
        return _unmarked(kinds[0]) if len(kinds) == 1 else hint
    return hint


def _writes_items(hint: Any) -> tuple[type[Any], Callable[[Any], Any]] | None:
    by_type = _writes_type(hint)
    if by_type is None:
        return None
    kind, write = by_type
    return tuple, lambda items: [_written(item, kind, write) for item in items]


def _writes_fields(cls: type[Any]) -> Callable[[Any], dict[str, Any]] | None:
    hints = typing.get_type_hints(cls, include_extras=True)
    known = {field.name: _writes_type(hints[field.name]) for field in dataclasses.fields(cls)}
    plan = [(name, *by_type) for name, by_type in known.items() if by_type is not None]
    if len(plan) < len(known):
        return None
    return lambda message: {
        name: _written(getattr(message, name), kind, write) for name, kind, write in plan
    }


def _written(value: Any, kind: type[Any], write: Callable[[Any], Any] | None) -> Any:
    if type(value) is kind:
        return value if write is None else write(value)
    if value is None:
        return None
    raise _Unusual


def _moment(at: datetime) -> str:
    if not on_calendar(at):
        raise _Unusual  # its schema says what is wrong
    return at.isoformat()


_WRITTEN: dict[Any, Callable[[Any], Any] | None] = {
    str: None,
    int: None,
    bool: None,
    UUID: str,
    datetime: _moment,
}


def _says_all(hint: Any) -> bool:
    """Say whether a type, with all that it is made of, refuses what its schema refuses."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint, include_extras=True)
        return all(map(_says_all, hints.values()))
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        # Two classes in one union would have to be told apart; the schema knows none such.
        return len([arg for arg in args if arg is not types.NoneType]) == 1 and all(
            map(_says_all, args)
        )
    if origin is tuple:
        return len(args) == 2 and args[1] is Ellipsis and _says_all(args[0])  # noqa: PLR2004  # tuple[X, ...]
    if origin is Literal:
        return all(isinstance(arg, str) for arg in args)
    return hint in _ALIKE


def _look_for_moments(cls: Any) -> bool:
    return any(_holds_moment(hint) for hint in typing.get_type_hints(cls).values())


def _holds_moment(hint: Any) -> bool:
    if dataclasses.is_dataclass(hint):
        return _has_moments(hint)
    return hint is datetime or any(_holds_moment(part) for part in typing.get_args(hint))


_has_moments = cast("Callable[[Any], bool]", cache(_look_for_moments))
