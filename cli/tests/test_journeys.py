"""Shop journeys as visits: who made which, and when a row can have been."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from chassis.tables_csv import BadRow
from sixfold.demo import journeys
from sixfold.journeys import LAYOUT, Row, Visit, read_rows, visits_of

HEADER = ",".join(LAYOUT.required) + "\n"


def read(*rows: str) -> list[Row | BadRow]:
    return list(read_rows([HEADER, *(f"{row},web,social,c,new\n" for row in rows)], UTC))


def visits(*rows: str) -> list[Visit]:
    return visits_of(row for row in read(*rows) if isinstance(row, Row))


def test_users_who_share_a_session_made_a_visit_each() -> None:
    """The second customer's purchase would be booked as the first one's."""
    found = visits(
        "ann,till,home,2024-01-01 10:00:00",
        "bob,till,home,2024-01-01 10:00:01",
        "ann,till,purchase,2024-01-01 10:00:02",
        "bob,till,purchase,2024-01-01 10:00:03",
    )
    assert [(visit.user, [row.line for row in visit.rows]) for visit in found] == [
        ("ann", [2, 4]),
        ("bob", [3, 5]),
    ]
    assert found[0].key != found[1].key


def test_a_visit_has_the_same_key_in_every_file() -> None:
    """Yesterday's visits would be imported once more with today's."""
    (alone,) = visits("ann,s1,home,2024-01-01 10:00:00")
    _, beside = visits("bob,s0,home,2024-01-01 09:00:00", "ann,s1,home,2024-01-01 10:00:00")
    assert alone.key == beside.key


def test_two_visits_of_the_demonstration_never_share_a_key() -> None:
    """Visits of the demonstration would be taken for each other, and some be lost."""
    found = journeys()
    assert len({visit.key for visit in found}) == len(found) > 1


def test_the_demonstration_can_be_cut_short() -> None:
    """Whoever asks for a few rows would wait for all of them, or get one too few."""
    assert sum(len(visit.rows) for visit in journeys(5)) == 5


@pytest.mark.parametrize(
    "at", ["9999-12-31 23:59:59", "0001-01-01 00:00:00", "1999-12-31 23:59:59", "2101-01-01"]
)
def test_rows_of_impossible_years_are_refused_by_line(at: str) -> None:
    """One mistyped year would end the whole import with a traceback."""
    good = "ann,s1,home,2024-01-01 10:00:00"
    first, bad, last = read(good, f"ann,s1,support_chat,{at}", good)
    assert isinstance(first, Row)
    assert bad == BadRow(line=3, reason="timestamp lies outside the years 2000 to 2100.")
    assert isinstance(last, Row)


def test_times_are_read_in_the_zone_that_is_named() -> None:
    """Every visit of a shop in Taipei would be booked eight hours late."""
    rows = [HEADER, "ann,s1,home,2100-12-31 23:00:00,web,social,c,new\n"]
    (found,) = read_rows(rows, ZoneInfo("Asia/Taipei"))
    assert isinstance(found, Row)
    assert found.at == datetime(2100, 12, 31, 15, tzinfo=UTC)
