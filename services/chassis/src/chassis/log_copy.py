"""Rows of the log as the lines that PostgreSQL's COPY reads."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from chassis.envelope import COLUMNS
from chassis.log import Place

COPY_POSITIONS = f"COPY positions (row_id, {', '.join(Place._fields)}) FROM STDIN"
COPY_EVENTS = f"COPY events (row_id, {', '.join(COLUMNS)}) FROM STDIN"
NULL = r"\N"
_BLOCK_LINES = 128
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


class Lines:
    """Lines as a file that is made while it is read, so that making them and COPY overlap."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._left = ""

    def read(self, size: int) -> str:
        """Return up to ``size`` characters, none at the end."""
        if not self._left:
            self._left = "".join(islice(self._lines, _BLOCK_LINES))
        block, self._left = self._left[:size], self._left[size:]
        return block


class EventLines(Lines):
    """Rows of events, each with the number it was given; ``rows`` are those that were read."""

    def __init__(self, row_ids: Sequence[int], rows: Iterator[tuple[Any, ...]]) -> None:
        super().__init__(map(_event_line, row_ids, self._noted(rows)))
        self.rows: list[tuple[Any, ...]] = []

    def _noted(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        for row in rows:
            self.rows.append(row)
            yield row


class PlaceLines(Lines):
    """Places, each with the number of its event's row."""

    def __init__(self, row_ids: Sequence[int], places: Sequence[Place]) -> None:
        super().__init__(map(_place_line, row_ids, places))


def _event_line(row_id: int, row: tuple[Any, ...]) -> str:
    (
        identity, tenant, stream, version, kind, schema_version, lane, occurred_at, recorded_at,
        actor, command, correlation, causation, traceparent, subjects, content,
    ) = row  # fmt: skip
    texts = "\t".join((tenant, stream, kind, actor, traceparent or "", subjects))
    if "\\" in texts or texts.count("\t") != 5 or "\n" in texts or "\r" in texts:  # noqa: PLR2004
        tenant, stream, kind, actor, traceparent, subjects = map(
            _escaped, (tenant, stream, kind, actor, traceparent, subjects)
        )
    return (
        f"{row_id}\t{identity}\t{tenant}\t{stream}\t{version}\t{kind}\t{schema_version}\t{lane}\t"
        f"{occurred_at}\t{recorded_at}\t{actor}\t{command}\t{correlation}\t{causation}\t"
        f"{NULL if traceparent is None else traceparent}\t{subjects}\t\\\\x{content.hex()}\n"
    )


def _escaped(text: str | None) -> str | None:
    return None if text is None else text.translate(_ESCAPES)


def _place_line(row_id: int, place: Place) -> str:
    position, lane, prev, chain = place
    return f"{row_id}\t{position}\t{lane}\t{prev}\t\\\\x{chain.hex()}\n"
