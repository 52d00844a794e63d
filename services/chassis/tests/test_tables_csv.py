"""Other people's CSV files: what is kept, and what is refused."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.tables_csv import BadRow, Layout, Record, read_table

LAYOUT = Layout(
    required=("name", "note"),
    optional=("age",),
    may_be_empty=frozenset({"note"}),
    longest={"age": 3},
)


def read(*lines: str | bytes) -> list[Record | BadRow]:
    return list(read_table(lines, LAYOUT))


def test_a_byte_order_mark_and_reordered_columns_are_accepted() -> None:
    """A file saved by a spreadsheet would be refused."""
    marked = "\ufeffage,name,note\r\n".encode()

    assert read(marked, b"36,Ada,x\r\n") == [
        Record(line=2, cells={"age": "36", "name": "Ada", "note": "x"})
    ]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("name,note,shoe size\n", "Unknown columns: shoe size."),
        ("name\n", "Missing columns: note."),
        ("name,note,name\n", "A column stands there twice."),
        ("\n", "The file is empty: a header line is missing."),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(header: str, reason: str) -> None:
    """Columns would be dropped silently, or read as others."""
    assert read(header, "Ada,x\n")[0] != Record(line=2, cells={"name": "Ada", "note": "x"})
    assert isinstance(read(header)[0], BadRow)
    assert reason in str(read(header)[0])


def test_an_empty_file_says_so() -> None:
    """An empty export would look like a successful import."""
    assert read() == [BadRow(line=1, reason="The file is empty: a header line is missing.")]


def test_a_quoted_field_may_go_on_over_lines() -> None:
    """A post with a line break would be torn into two bad rows."""
    found = read("name,note\n", 'Ada,"one\n', 'two"\n', "Bob,x\n")

    assert found == [
        Record(line=2, cells={"name": "Ada", "note": "one\ntwo"}),
        Record(line=4, cells={"name": "Bob", "note": "x"}),
    ]


def test_a_quote_nobody_closes_costs_its_own_line_only() -> None:
    """One stray quote would swallow the rest of the file."""
    found = read("name,note\n", 'Ada,"one\n', *["Bob,x\n"] * 500)

    assert [row.line for row in found] == list(range(2, 503))
    assert [type(row) for row in found] == [BadRow] + [Record] * 500


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"Ada,\xff\n", "Not UTF-8 text."),
        ("Ada,\ud800\n", "Not UTF-8 text."),
        ("Ada,a\x00b\n", "note contains a NUL character."),
        (" ,x\n", "name is empty."),
        ("Ada\n", "1 field where the header has 2."),
        (f"Ada,{'x' * 1001}\n", "note has 1001 characters; at most 1000 are taken."),
    ],
)
def test_a_bad_row_is_refused_by_line_and_reason(line: str | bytes, reason: str) -> None:
    """A user could not find what to mend."""
    found = read("name,note\n", line, "Bob,\n")

    assert found[0] == BadRow(line=2, reason=reason)
    assert found[1] == Record(line=3, cells={"name": "Bob", "note": ""})


printable = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@given(st.lists(st.tuples(printable.filter(str.strip), printable), max_size=8))
def test_what_a_csv_writer_wrote_is_read_back(table: list[tuple[str, str]]) -> None:
    """A correct file would lose or change rows."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("name", "note"), *table])
    found = read(*text.getvalue().split("\n"))

    assert [tuple(row.cells.values()) for row in found if isinstance(row, Record)] == table
