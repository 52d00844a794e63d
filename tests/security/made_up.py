"""Bodies and rows made up from what a service declares, all about one and the same id."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields
from sqlalchemy import inspect, text

from chassis import schemas
from chassis.database import Database

MARK = "for-the-first-tenant-only"
_TEXTS = (
    "x", "acme-1", "2026-W10", "2026-03-02", "TWD", "TW", "zh-Hant", "weibo", "+886912345678",
    "a@b.example", "Asia/Taipei", "https://x.example/a", "#x", "0" * 64, "image/png", "eA==",
)  # fmt: skip
_ALL = 'SELECT * FROM "{}" WHERE tenant = :tenant'
_NUMBERS = (1, 2, 1000, 0)
_MOMENT = "2026-03-02T10:00:00+00:00"


def body_of(kind: type[object], identity: UUID) -> dict[str, Any]:
    """Return a body that is accepted at the edge, and names an id wherever it can.

    Args:
        kind: The route's dataclass.
        identity: Put into every field that may hold it.
    """
    return _object(schemas.schema_of(kind).fields, identity)


def _object(known: Mapping[str, Any], identity: UUID) -> dict[str, Any]:
    return {
        name: _value(field, identity)
        for name, field in known.items()
        if field.required or _names_something(name, field)
    }


def _names_something(name: str, field: Any) -> bool:
    return isinstance(field, fields.UUID) or name.endswith(("_id", "sku", "person"))


def _value(field: Any, identity: UUID) -> Any:
    if isinstance(field, fields.Nested):
        return _object(field.schema.fields, identity)
    if isinstance(field, fields.List):
        return [_value(field.inner, identity)]
    if isinstance(field, fields.Enum):
        return next(iter(field.enum)).value
    return next((one for one in _candidates(field, identity) if _fits(field, one)), str(identity))


def _candidates(field: Any, identity: UUID) -> Sequence[Any]:
    chosen = [one for check in field.validators for one in getattr(check, "choices", ())]
    return (*chosen, str(identity), _MOMENT, *_NUMBERS, *_TEXTS, True, {}, "1.0")


def _fits(field: Any, value: Any) -> bool:
    with suppress(ValidationError):
        field.deserialize(value)
        return True
    return False


def fill(database: Database, tenant: str, identity: UUID, streams: Sequence[str]) -> int:
    """Write a tenant's rows about one id into every table there is; return how many.

    Args:
        database: A migrated SQLite file.
        tenant: Whose rows.
        identity: Stands in every column that can hold it, or else a mark that shows in a leak.
        streams: Names of event streams that the tenant has.
    """
    with database.begin() as db:
        found = inspect(db)
        tables = {name: found.get_columns(name) for name in found.get_table_names()}
        rows = [
            (name, {c["name"]: _cell(c, tenant, identity) for c in columns})
            for name, columns in tables.items()
            if any(c["name"] == "tenant" for c in columns)
        ]
        event = next(row for name, row in rows if name == "events")
        for number, stream in enumerate(streams, start=100):
            own = {"id": str(UUID(int=number)), "position": number, "version": 1}
            rows.append(("events", {**event, **own, "stream": stream}))
        for name, row in rows:
            names = ", ".join(f'"{column}"' for column in row)
            marks = ", ".join(f":{column}" for column in row)
            db.execute(text(f'INSERT INTO "{name}" ({names}) VALUES ({marks})'), row)  # noqa: S608
    return len(rows)


def _cell(column: Mapping[str, Any], tenant: str, identity: UUID) -> Any:
    name, kind = column["name"], str(column["type"])
    if name == "tenant":
        return tenant
    if kind.startswith(("VARCHAR", "TEXT", "CHAR")):
        return MARK if name in ("title", "name", "text", "error", "trace") else str(identity)
    return b"\x00" * 32 if kind == "BLOB" else 1


def rows_of(database: Database, tenant: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of a tenant."""
    with database.read() as db:
        found = inspect(db)
        whose = {"tenant": tenant}
        return {
            name: sorted(map(tuple, db.execute(text(_ALL.format(name)), whose)), key=repr)
            for name in found.get_table_names()
            if any(column["name"] == "tenant" for column in found.get_columns(name))
        }
