"""Read dataclasses from stored JSON by their types alone, in a fraction of their schema's time.

Marshmallow says to a caller what is wrong with each field.  What stands in the own log was let
through by it once; reading it again needs the types only.  What another service's log has was
never held against our declaration: there types are enough where they say all that its schema does.
"""

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

import msgspec

from chassis import schemas
from chassis.errors import Invalid

T = TypeVar("T")
Read = Callable[[bytes], T]
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
