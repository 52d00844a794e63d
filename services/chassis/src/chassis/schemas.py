"""Derive marshmallow schemas from dataclasses, one field for each attribute."""

import copy
import dataclasses
import enum
import re
import types
import typing
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast
from uuid import UUID

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate

from chassis.clock import FIRST_YEAR, LAST_YEAR, on_calendar
from chassis.errors import Invalid

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def _once(function: F) -> F:
    """Compute a result once for each argument, and keep the signature for the type checker."""
    return cast("F", cache(function))


class StrictBoolean(fields.Boolean):
    """``true`` or ``false``; never 1, "yes" or "on"."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


_OFF_CALENDAR = f"Not between the years {FIRST_YEAR} and {LAST_YEAR}."


class Moment(fields.AwareDateTime):
    """A moment with its offset, in years that arithmetic can be done in.

    A moment without an offset is somebody's wall clock, and nobody said whose.
    """

    def __init__(self) -> None:
        super().__init__(format="iso")

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        at = super()._deserialize(value, attr, data, **kwargs)
        if not on_calendar(at):
            raise ValidationError(_OFF_CALENDAR)
        return at.astimezone(UTC)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        # A term that was added may have led there: better refused now than not read back later.
        if value is not None and not on_calendar(value):
            raise Invalid({attr or "at": [_OFF_CALENDAR]})
        return super()._serialize(value, attr, obj, **kwargs)


class Day(fields.Date):
    """A day in a year that arithmetic can be done in, a year to either side included."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> date:
        day: date = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(_OFF_CALENDAR)
        return day


class Whole(validate.Regexp):
    """A pattern that all of a text must match; ``$`` alone lets a line's end through."""

    def __call__(self, value: Any) -> Any:
        """Return the text; raises ValidationError."""
        if cast("re.Pattern[str]", self.regex).fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class Readable(validate.Validator):
    """A text of which something can be seen, in a name or wherever people are to read it."""

    def __call__(self, value: str) -> str:
        """Return the text; raises ValidationError.

        >>> Readable()("燈"), Readable()("☕")
        ('燈', '☕')
        """
        if not any(map(_seen, value)):
            raise ValidationError("Must not be blank.")
        return value


# Letters and symbols that are blank all the same: Hangul's fillers and Braille without a dot.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})


def _seen(char: str) -> bool:
    """Say whether a character shows by itself: no space, mark, control or zero-width one."""
    return char not in _BLANK_LETTERS and unicodedata.category(char) not in _UNSEEN


class TupleOf(fields.List[Any]):
    """A JSON list as a tuple, so that a frozen object is equal to itself after a journey."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        return tuple(super()._deserialize(value, attr, data, **kwargs))


class WireSchema(Schema):
    """A schema that yields the dataclass it was derived from."""

    target: ClassVar[type[Any]]

    @post_load
    def build(self, data: dict[str, Any], **_: Any) -> Any:
        """Return the dataclass in place of marshmallow's dictionary."""
        return self.target(**data)


_SIMPLE: dict[Any, Any] = {
    str: fields.String,
    int: lambda: fields.Integer(strict=True),
    float: fields.Float,
    bool: StrictBoolean,
    Decimal: lambda: fields.Decimal(as_string=True),
    UUID: fields.UUID,
    datetime: Moment,
    date: Day,
    dict: fields.Dict,
    Any: lambda: fields.Raw(allow_none=True),
}


@_once
def schema_class(cls: type[Any], *, tolerant: bool = False) -> type[WireSchema]:
    """Build the schema class of a dataclass from its annotations.

    Put a marshmallow field in ``Annotated`` to say more than the type can:

    >>> @dataclasses.dataclass
    ... class Contact:
    ...     email: Annotated[str, fields.Email()]
    >>> schema_class(Contact)().validate({"email": "nonsense"})
    {'email': ['Not a valid email address.']}
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    declared: dict[str, Any] = {
        field.name: _declared(hints[field.name], field, tolerant=tolerant)
        for field in dataclasses.fields(cls)
    }
    meta = type("Meta", (), {"unknown": EXCLUDE if tolerant else RAISE, "register": False})
    return type(f"{cls.__name__}Schema", (WireSchema,), {**declared, "Meta": meta, "target": cls})


@_once
def schema_of(cls: type[Any], *, tolerant: bool = False) -> WireSchema:
    """Return the shared schema instance of a dataclass."""
    return schema_class(cls, tolerant=tolerant)()


def fields_of(cls: type[T]) -> "Mapping[str, fields.Field[Any]]":
    """Return the schema fields of a dataclass by name."""
    return schema_of(cls).fields


def load(cls: type[T], data: Any, *, tolerant: bool = False) -> T:
    """Build ``cls`` from untrusted JSON values.

    Args:
        cls: A dataclass.
        data: What arrived: a mapping of JSON types.
        tolerant: Ignore fields we do not know.  For other people's events, never for commands.

    Raises:
        Invalid: ``data`` does not fit the schema.
    """
    try:
        return cast("T", schema_of(cls, tolerant=tolerant).load(data))
    except ValidationError as error:
        problems = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow left it untyped
        raise Invalid(problems) from error


def dump(message: Any) -> dict[str, Any]:
    """Turn a dataclass into JSON types."""
    return cast("dict[str, Any]", schema_of(type(message)).dump(message))


def annotation(hint: Any, kind: type[T]) -> T | None:
    """Return the mark of class ``kind`` that ``Annotated`` puts on a type, if any."""
    marks = typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, kind)), None)


def _declared(hint: Any, field: "dataclasses.Field[Any]", *, tolerant: bool) -> "fields.Field[Any]":
    made = _field(hint, tolerant=tolerant)
    made.required = (
        field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    return made


def _field(hint: Any, *, tolerant: bool) -> "fields.Field[Any]":
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _annotated(hint, args, tolerant=tolerant)
    if origin in (typing.Union, types.UnionType):
        return _optional(args, tolerant=tolerant)
    if origin in (tuple, list, Sequence):
        listed = TupleOf if origin is tuple else fields.List
        return listed(_field(args[0], tolerant=tolerant))
    if origin in (dict, Mapping):
        return fields.Dict(_field(args[0], tolerant=tolerant), _field(args[1], tolerant=tolerant))
    if origin is Literal:
        return fields.String(validate=validate.OneOf(args))
    return _plain(hint, tolerant=tolerant)


def _annotated(hint: Any, args: tuple[Any, ...], *, tolerant: bool) -> "fields.Field[Any]":
    explicit = annotation(hint, fields.Field)
    if explicit is not None:
        return copy.deepcopy(explicit)
    made = _field(args[0], tolerant=tolerant)
    made.validators.extend(mark for mark in args[1:] if isinstance(mark, validate.Validator))
    return made


def _optional(args: tuple[Any, ...], *, tolerant: bool) -> "fields.Field[Any]":
    (inner,) = (arg for arg in args if arg is not types.NoneType)
    made = _field(inner, tolerant=tolerant)
    made.allow_none = True
    return made


def _plain(hint: Any, *, tolerant: bool) -> "fields.Field[Any]":
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return fields.Enum(hint, by_value=True)
    if dataclasses.is_dataclass(hint):
        return fields.Nested(schema_class(cast("type", hint), tolerant=tolerant))
    return cast("fields.Field[Any]", _SIMPLE[hint]())
