"""A user's own mentions, read line by line."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.tables_csv import BadRow
from listening.mentions_csv import LAYOUT, Row, read_rows

HEADER = ",".join((*LAYOUT.required, "is_at")) + "\n"
GOOD = "weibo,p1,a1,Ada,快书包好用,2026-05-06T10:00:00+08:00,post,,,true\n"


def rows(*lines: str | bytes, zone: ZoneInfo | None = None) -> list[Row | BadRow]:
    return list(read_rows([HEADER, *lines], zone=zone))


def reason(line: str, zone: ZoneInfo | None = None) -> str:
    (found,) = rows(line, zone=zone)
    assert isinstance(found, BadRow)
    assert found.line == 2
    return found.reason


def test_a_good_row_is_read_whole() -> None:
    """An imported mention would lose its author, its time or its conversation."""
    assert rows(GOOD) == [
        Row(
            line=2,
            platform="weibo",
            post_id="p1",
            author_id="a1",
            author_name="Ada",
            text="快书包好用",
            posted_at=datetime(2026, 5, 6, 2, 0, tzinfo=UTC),
            kind="post",
            is_at=True,
        )
    ]


def test_a_reply_belongs_to_its_conversation() -> None:
    """One conversation would open a case for each comment."""
    line = "weibo,p3,a1,Ada,hi,2026-05-06T10:00:00Z,comment,{parent},{root},\n"
    found = rows(line.format(parent="p2", root="p1"), line.format(parent="p2", root=""), GOOD)

    assert [row.conversation_id for row in found if isinstance(row, Row)] == ["p1", "p2", "p1"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (GOOD.replace("+08:00", ""), "no zone"),
        (GOOD.replace("2026-05-06T10:00:00+08:00", "yesterday"), "not an ISO 8601"),
        (GOOD.replace("2026-05-06T10:00:00+08:00", "2026-05-06"), "not an ISO 8601"),
        (GOOD.replace("2026-05-06T10", "0001-01-01T00"), "outside the years 2000 to 2100"),
        (GOOD.replace("2026-05-06T10", "1999-12-31T23"), "outside the years 2000 to 2100"),
        (GOOD.replace("2026-05-06T10:00:00+08:00", "9999-12-31T23:59:59-01:00"), "outside the"),
        (GOOD.replace(",post,", ",tweet,"), "kind is not one of"),
        (GOOD.replace(",true", ",maybe"), "is_at is neither"),
        (GOOD.replace("p1", " "), "post_id is empty"),
        (GOOD.replace("快书包好用", "x" * 10_001), "text has 10001 characters"),
        (GOOD.replace("a1", "a" * 201), "author_id has 201 characters"),
        ("weibo,p1\n", "2 fields where the header has 10"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(line: str, why: str) -> None:
    """A user could not tell what to mend in a file of thousands of lines."""
    assert why in reason(line)


def test_a_reason_repeats_nothing_that_a_person_wrote() -> None:
    """Personal words would reach the logs through an error message."""
    secret = "secret-words"

    assert secret not in reason(GOOD.replace("post,", f"{secret},"))
    assert secret not in reason(GOOD.replace("2026-05-06T10:00:00+08:00", secret))


def test_a_naive_time_takes_the_zone_that_the_user_names() -> None:
    """Times exported without an offset could not be imported at all."""
    (found,) = rows(GOOD.replace("+08:00", ""), zone=ZoneInfo("Asia/Shanghai"))

    assert isinstance(found, Row)
    assert found.posted_at == datetime(2026, 5, 6, 2, 0, tzinfo=UTC)


def test_good_rows_around_a_bad_one_are_kept() -> None:
    """One typing mistake would cost the whole file."""
    found = rows(GOOD, "weibo,p2\n", GOOD)

    assert [type(row) for row in found] == [Row, BadRow, Row]
    assert [row.line for row in found] == [2, 3, 4]


lines = st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=12)


def check(found: Iterable[object]) -> None:
    for row in found:
        assert isinstance(row, Row | BadRow)
        assert isinstance(row, BadRow) or row.posted_at.tzinfo is UTC


@given(lines)
def test_any_file_is_read_or_refused_but_never_breaks(anything: list[bytes | str]) -> None:
    """A strange file would stop the import with a traceback."""
    check(read_rows(anything))


@given(lines, st.sampled_from([None, ZoneInfo("Europe/London")]))
def test_any_line_under_a_good_header_costs_no_good_row(
    anything: list[bytes | str], zone: ZoneInfo | None
) -> None:
    """Rubbish in the middle would swallow the rows after it."""
    found = rows(GOOD, *anything, GOOD.replace("p1", "last"), zone=zone)
    check(found)

    assert isinstance(found[0], Row)


fields = st.lists(st.text(max_size=30) | st.sampled_from(GOOD.strip().split(",")), max_size=12)


@given(fields)
def test_any_fields_are_read_or_refused(cells: list[str]) -> None:
    """An odd value would break the import of its neighbours."""
    check(rows(",".join(cells) + "\n"))
