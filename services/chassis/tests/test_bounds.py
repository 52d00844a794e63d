"""What no field takes: moments outside the calendar, text with an end of line behind it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import pytest

from chassis import schemas
from chassis.errors import Invalid
from chassis.money import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """A form with one field of each kind."""

    at: datetime
    code: Annotated[str, schemas.Whole(r"^[a-z]{2}$")] = "ab"


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59+00:00",
        "0001-01-01T00:00:00+14:00",
        "2999-01-01T00:00:00Z",
        "1970-01-01T00:00:00+14:00",
    ],
)
def test_a_moment_that_could_not_be_read_back_is_refused(at: str) -> None:
    """One such event in a log would stop every reader of it, of every tenant, for ever."""
    with pytest.raises(Invalid) as refused:
        schemas.load(Visit, {"at": at})
    assert "at" in refused.value.problems


def test_a_moment_that_could_not_be_read_back_is_not_written() -> None:
    """A hold of a quarter of an hour on the calendar's last evening would end outside of it."""
    with pytest.raises(Invalid):
        schemas.dump(Visit(at=datetime(2200, 1, 1, tzinfo=UTC)))


def test_a_moment_without_an_offset_is_refused() -> None:
    """Whose wall clock was it? Guessing would be up to half a day wrong."""
    with pytest.raises(Invalid):
        schemas.load(Visit, {"at": "2026-05-10T12:00:00"})


def test_a_moment_is_kept_in_utc() -> None:
    """Two ways to write one moment are one moment."""
    visit = schemas.load(Visit, {"at": "2026-05-10T20:00:00+08:00"})
    assert visit.at.isoformat() == "2026-05-10T12:00:00+00:00"
    assert visit.at == datetime(2026, 5, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize("code", ["ab\n", "abc", "", "AB"])
def test_a_pattern_is_about_the_whole_text(code: str) -> None:
    """An id with an end of line behind it would be another id that looks the same."""
    with pytest.raises(Invalid):
        schemas.load(Visit, {"at": "2026-05-10T12:00:00Z", "code": code})


def test_a_currency_with_an_end_of_line_is_none() -> None:
    """Money in ``TWD`` and in ``TWD`` with an end of line would be added up apart."""
    assert schemas.load(Money, {"amount": 1, "currency": "TWD"}).currency == "TWD"
    with pytest.raises(Invalid):
        schemas.load(Money, {"amount": 1, "currency": "TWD\n"})
