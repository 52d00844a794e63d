r"""Read other people's CSV files: good rows are kept, bad ones refused by line and reason.

>>> layout = Layout(required=("name",), optional=("age",))
>>> for found in read_table(["name,age\n", "Ada,36\n", "Bob\n"], layout):
...     print(found)
Record(line=2, cells={'name': 'Ada', 'age': '36'})
BadRow(line=3, reason='1 field where the header has 2.')
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat

_BOM = "\ufeff"
_UNCLOSED = "unexpected end of data"
_MAX_RECORD = 1 << 16
_MAX_LINES = 200
_SHOWN_NAMES = 5
_SHOWN_LENGTH = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The columns of a table, in any order, and how long their fields may be."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    may_be_empty: frozenset[str] = frozenset()
    longest: Mapping[str, int] = field(default_factory=dict)
    default_longest: int = 1_000

    @property
    def must_be_filled(self) -> frozenset[str]:
        """The columns in which an empty field refuses the row."""
        return frozenset(self.required) - self.may_be_empty

    def limit(self, column: str) -> int:
        """Return how many characters a field of a column may have."""
        return self.longest.get(column, self.default_longest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One well-formed row: the line that it starts on, and its fields by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """One refused row, and why; the reason never repeats what stood in it."""

    line: int
    reason: str


_Line = tuple[int, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fields:
    line: int
    values: list[str]


def read_table(lines: Iterable[str | bytes], layout: Layout) -> Iterator[Record | BadRow]:
    """Read a table line by line; a header that does not fit refuses the file at line 1.

    Args:
        lines: Lines as a file opened with ``newline=""`` or in binary mode yields them.
        layout: The columns that may stand there.
    """
    rows = _rows(_Source(lines))
    header = next(rows, BadRow(line=1, reason="The file is empty: a header line is missing."))
    if isinstance(header, BadRow):
        yield header
        return
    columns = [name.strip() for name in header.values]
    if problem := _header_problem(columns, layout):
        yield BadRow(line=header.line, reason=problem)
        return
    for row in rows:
        yield row if isinstance(row, BadRow) else _record(row, columns, layout)


class _Source:
    """Numbered lines of text, some of which may be put back; ``None`` is not UTF-8."""

    def __init__(self, lines: Iterable[str | bytes]) -> None:
        self._lines = ((n, _text(line, n)) for n, line in enumerate(lines, start=1))
        self._returned: deque[_Line] = deque()

    def take(self) -> _Line | None:
        """Return the next line with its number, or nothing at the end."""
        return self._returned.popleft() if self._returned else next(self._lines, None)

    def put_back(self, lines: list[_Line]) -> None:
        """Return lines, which come again in the same order."""
        self._returned.extendleft(reversed(lines))


def _text(line: str | bytes, number: int) -> str | None:
    try:
        text = line.decode() if isinstance(line, bytes) else line.encode().decode()
    except UnicodeError:
        return None
    return text.removeprefix(_BOM) if number == 1 else text


def _rows(source: _Source) -> Iterator[_Fields | BadRow]:
    while (first := source.take()) is not None:
        line, text = first
        found = "Not UTF-8 text." if text is None else _values(text, source)
        if isinstance(found, str):
            yield BadRow(line=line, reason=found)
        elif found:
            yield _Fields(line=line, values=found)


def _values(text: str, source: _Source) -> list[str] | str:
    """Return the fields of the row that starts with ``text``, or why there are none.

    A quoted field may go on over several lines.  A quote that nobody closes costs
    its own line only: the lines that were read after it are put back.
    """
    taken: list[_Line] = []
    while True:
        try:
            return _parsed(text)
        except csv.Error as error:
            more = _next_text(source, taken) if str(error) == _UNCLOSED else None
        if more is None or len(text) + len(more) > _MAX_RECORD:
            source.put_back(taken)
            return "A quote is misplaced or never closed, or the row is too long."
        text = _ended(text) + more


def _parsed(text: str) -> list[str]:
    rows = list(csv.reader([text], strict=True))
    return rows[0] if rows else []


def _next_text(source: _Source, taken: list[_Line]) -> str | None:
    following = source.take() if len(taken) < _MAX_LINES else None
    if following is None:
        return None
    taken.append(following)
    return following[1]


def _ended(text: str) -> str:
    return text if text.endswith(("\n", "\r")) else text + "\n"


def _header_problem(columns: list[str], layout: Layout) -> str | None:
    known = {*layout.required, *layout.optional}
    if len(set(columns)) < len(columns):
        return "A column stands there twice."
    if unknown := [name for name in columns if name not in known]:
        return f"Unknown columns: {_named(unknown)}."
    if missing := [name for name in layout.required if name not in columns]:
        return f"Missing columns: {_named(missing)}."
    return None


def _named(names: list[str]) -> str:
    shown = [name[:_SHOWN_LENGTH] for name in names[:_SHOWN_NAMES]]
    return ", ".join(shown + ["..."] * (len(names) > _SHOWN_NAMES))


def _record(row: _Fields, columns: list[str], layout: Layout) -> Record | BadRow:
    if len(row.values) != len(columns):
        fields = "1 field" if len(row.values) == 1 else f"{len(row.values)} fields"
        return BadRow(line=row.line, reason=f"{fields} where the header has {len(columns)}.")
    cells = dict(zip(columns, row.values, strict=True))
    if problem := next(filter(None, map(_cell_problem, cells.items(), repeat(layout))), None):
        return BadRow(line=row.line, reason=problem)
    return Record(line=row.line, cells=cells)


def _cell_problem(cell: tuple[str, str], layout: Layout) -> str | None:
    column, value = cell
    if len(value) > layout.limit(column):
        return f"{column} has {len(value)} characters; at most {layout.limit(column)} are taken."
    if "\x00" in value:
        return f"{column} contains a NUL character."
    if column in layout.must_be_filled and not value.strip():
        return f"{column} is empty."
    return None
