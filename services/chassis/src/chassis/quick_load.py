"""Read an event's bytes into its class without a schema, where both give the same.

msgspec reads text, whole numbers, truth values, ids and what is made of them ten times as fast
as the schema does.  Everything else, and everything that it refuses, is left to the schema.
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

import msgspec

QuickLoad = Callable[[bytes], Any]
_SAME = (str, int, bool, UUID, types.NoneType)


def quick_load(cls: type[Any]) -> QuickLoad | None:
    """Return what reads the bytes of ``cls``, None where its schema does more than its types.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Told:
    ...     number: int
    >>> load = quick_load(Told)
    >>> load(b'{"number": 1, "added": true}'), load(b'{"number": "1"}')
    (Told(number=1), None)
    """
    if not _read_alike(cls):
        return None
    decoder = msgspec.json.Decoder(cls)

    def load(content: bytes) -> Any:
        try:
            return decoder.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None  # the schema says what is wrong, or reads what is merely unusual

    return load


def _read_alike(hint: Any) -> bool:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint, include_extras=True)
        return all(map(_read_alike, hints.values()))
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        # Two classes in one union would have to be told apart; the schema knows none such.
        return len([arg for arg in args if arg is not types.NoneType]) == 1 and all(
            map(_read_alike, args)
        )
    if origin is tuple:
        return len(args) == 2 and args[1] is Ellipsis and _read_alike(args[0])  # noqa: PLR2004  # tuple[X, ...]
    if origin is Literal:
        return all(isinstance(arg, str) for arg in args)
    return hint in _SAME
