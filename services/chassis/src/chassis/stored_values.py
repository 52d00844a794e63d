"""Read dataclasses from JSON that was checked by their schema before it was written.

Marshmallow says to a caller what is wrong with each field.  What stands in a log was let
through by it once; reading it again needs the types only, and a thirtieth of the time.
"""

import dataclasses
import re
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from chassis import schemas
from chassis.errors import Invalid

T = TypeVar("T")
# An offset that is not UTC's; moments are handed out in UTC, however they were written.
_ELSEWHERE = re.compile(rb'[+-](?!00:?00")\d\d:?\d\d"')


def reader(cls: type[T]) -> Callable[[bytes], T]:
    """Return the function that reads ``cls`` from stored JSON; it raises Invalid."""
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


def _look_for_moments(cls: Any) -> bool:
    return any(_holds_moment(hint) for hint in typing.get_type_hints(cls).values())


def _holds_moment(hint: Any) -> bool:
    if dataclasses.is_dataclass(hint):
        return _has_moments(hint)
    return hint is datetime or any(_holds_moment(part) for part in typing.get_args(hint))


_has_moments = cast("Callable[[Any], bool]", cache(_look_for_moments))
