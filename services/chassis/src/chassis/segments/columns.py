"""How a log's events stand in Parquet: one typed column for each of theirs.

The bytes of ``data`` are the stored ones: what is sealed in the log is sealed here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from chassis.envelope import Stored, subjects_text

_INSTANT = pa.timestamp("us", tz="UTC")
_ID_BYTES = 16
_ID = pa.binary(_ID_BYTES)
_SUBJECTS = pa.list_(pa.string())
_TYPES = {
    "id": _ID, "tenant": pa.string(), "stream": pa.string(), "version": pa.int32(),
    "type": pa.string(), "schema_version": pa.int32(), "lane": pa.int8(),
    "occurred_at": _INSTANT, "recorded_at": _INSTANT, "actor": pa.string(), "command_id": _ID,
    "correlation_id": _ID, "causation_id": _ID, "traceparent": pa.string(),
    "subjects": _SUBJECTS, "data": pa.binary(), "position": pa.int64(), "prev": pa.int64(),
    "chain": pa.binary(32),
}  # fmt: skip
SCHEMA = pa.schema([(name, _TYPES[name]) for name in Stored._fields])
_KINDS = tuple(_TYPES[name] for name in Stored._fields)
_listed = msgspec.json.Decoder(list[str]).decode


def table_of(events: Sequence[Stored]) -> Any:
    """Return events as an Arrow table with ``SCHEMA``, in the order given."""
    columns = zip(*events, strict=True)
    return pa.table(list(map(_column, _KINDS, columns)), schema=SCHEMA)


def _column(kind: Any, values: Sequence[Any]) -> Any:
    if kind == _ID:
        return _ids(values)
    if kind == _SUBJECTS:
        return pa.array(map(_listed, values), kind)
    if kind == _INSTANT:
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array(map(bytes, values), kind)  # a driver may give views of its memory
    return pa.array(values, kind)


def events_of(table: Any) -> Iterator[Stored]:
    """Yield the events of an Arrow table with ``SCHEMA``.

    Raises:
        ValueError, TypeError, AttributeError: a value is none that an event can have.
    """
    columns = map(_values, _KINDS, table.columns)
    return map(Stored._make, zip(*columns, strict=True))


def _values(kind: Any, column: Any) -> Sequence[Any]:
    if kind == _INSTANT:
        column = column.cast(pa.int64())
    if kind == _ID:
        return _id_texts(column.combine_chunks())
    values: list[Any] = column.to_pylist()
    if kind == _SUBJECTS:
        return [subjects_text(tuple(value)) for value in values]
    return values


def _ids(texts: Sequence[str]) -> Any:
    # All at once: one by one, ids would cost as much as everything else together.
    raw = bytes.fromhex("".join(texts).replace("-", ""))
    if len(raw) != len(texts) * _ID_BYTES:
        raise ValueError("an id has not 128 bits")
    return pa.Array.from_buffers(_ID, len(texts), [None, pa.py_buffer(raw)])


def _id_texts(ids: Any) -> list[str]:
    if ids.null_count:
        raise ValueError("an id is missing")
    start, end = ids.offset * _ID_BYTES, (ids.offset + len(ids)) * _ID_BYTES
    digits = memoryview(ids.buffers()[1])[start:end].hex()
    return [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-{digits[at + 12 : at + 16]}-"
        f"{digits[at + 16 : at + 20]}-{digits[at + 20 : at + 32]}"
        for at in range(0, len(digits), 2 * _ID_BYTES)
    ]
