"""Bulk imports of touches and sessions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.testing.harness import Harness

START = datetime(2026, 1, 5, tzinfo=UTC)


def touch(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "key": f"row-{number}",
        "subject": f"visitor-{number % 7}",
        "channel": "social",
        "kind": "visit",
        "at": (START + timedelta(minutes=number)).isoformat(),
        **changes,
    }


def session(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "key": f"row-{number}",
        "subject": f"visitor-{number % 7}",
        "source": "social",
        "device": "mobile",
        "started_at": (START + timedelta(minutes=number)).isoformat(),
        "ended_at": (START + timedelta(minutes=number + 5)).isoformat(),
        "steps": {"catalog": 3, "cart": 1},
        **changes,
    }


KINDS = [
    pytest.param("/v1/imports/touches", touch, "touch_recorded", id="touches"),
    pytest.param("/v1/imports/sessions", session, "session_recorded", id="sessions"),
]


@pytest.mark.parametrize(("path", "row", "recorded"), KINDS)
def test_rows_become_facts_at_their_own_moments(
    campaigns: Harness, path: str, row: Any, recorded: str
) -> None:
    """An imported history would all have happened on the day of the import."""
    answer = campaigns.post(path, {"rows": [row(n) for n in (3, 1, 2)]})
    facts = campaigns.happened()

    assert answer == {"recorded": 3, "known": 0, "refused": []}
    assert [fact.type for fact in facts] == [recorded] * 3
    assert [fact.envelope.occurred_at for fact in facts] == [
        START + timedelta(minutes=n) for n in (3, 1, 2)
    ]


@pytest.mark.parametrize(("path", "row", "recorded"), KINDS)
def test_the_same_rows_again_add_nothing(
    campaigns: Harness, path: str, row: Any, recorded: str
) -> None:
    """Uploading a file twice would double its numbers."""
    first = campaigns.post(path, {"rows": [row(n) for n in range(10)]})
    again = campaigns.post(path, {"rows": [row(n) for n in range(5, 15)]})
    twice = campaigns.post(path, {"rows": [row(99), row(99)]})

    assert (first["recorded"], again["recorded"], again["known"]) == (10, 5, 5)
    assert (twice["recorded"], twice["known"]) == (1, 1)
    assert campaigns.types().count(recorded) == 16


@pytest.mark.parametrize(("path", "row", "recorded"), KINDS)
def test_a_bad_row_is_named_and_spoils_no_other(
    campaigns: Harness, path: str, row: Any, recorded: str
) -> None:
    """One typing error would cost a whole file, or slip in unseen."""
    bad = [row(1, subject="somebody@example.com"), {"key": "x"}, "nonsense", row(2, extra=1), None]
    answer = campaigns.post(path, {"rows": [row(0), *bad, row(9)]})

    assert answer["recorded"] == 2
    assert [problem["row"] for problem in answer["refused"]] == [2, 3, 4, 5, 6]
    assert set(answer["refused"][0]["problems"]) == {"subject"}
    assert "somebody" not in str(answer)
    assert campaigns.types() == [recorded] * 2


def test_a_session_cannot_end_before_it_starts(campaigns: Harness) -> None:
    """Visits of negative length would shorten the average."""
    wrong = session(1, ended_at=(START - timedelta(minutes=1)).isoformat())
    answer = campaigns.post("/v1/imports/sessions", {"rows": [wrong]})

    assert answer["recorded"] == 0
    assert set(answer["refused"][0]["problems"]) == {"ended_at"}


def test_a_request_takes_five_thousand_rows_and_no_more(campaigns: Harness) -> None:
    """A large file could not be split into requests that fit, or would block everybody."""
    rows = [touch(n, campaign_id="a-campaign-with-a-long-name") for n in range(5001)]
    answer = campaigns.call("POST", "/v1/imports/touches", {"rows": rows})
    campaigns.post("/v1/imports/touches", {"rows": rows[:5000]})

    assert answer.status_code == 400
    assert campaigns.rows("SELECT count(*) AS n FROM touches") == [{"n": 5000}]
    assert campaigns.rows("SELECT count(*) AS n, max(position) AS head FROM events") == [
        {"n": 5001, "head": 5001}  # one says who imported them
    ]


def test_importing_the_past_needs_its_own_permission(campaigns: Harness) -> None:
    """Whoever may record touches could rewrite last year."""
    answer = campaigns.call(
        "POST", "/v1/imports/touches", {"rows": [touch(1)]}, scopes=["campaigns.write"]
    )

    assert answer.status_code == 403
    assert campaigns.types() == []


def test_two_tenants_rows_are_strangers(campaigns: Harness) -> None:
    """One tenant's import would make another's look like a repetition."""
    for tenant in ("acme", "other"):
        answer = campaigns.post("/v1/imports/touches", {"rows": [touch(1)]}, tenant=tenant)
        assert answer["recorded"] == 1


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_row_outside_the_calendar_is_refused_alone(campaigns: Harness, at: str) -> None:
    """One row could otherwise make the whole log unreadable, for every tenant."""
    answer = campaigns.post("/v1/imports/touches", {"rows": [touch(1), touch(2, at=at)]})

    assert (answer["recorded"], [one["row"] for one in answer["refused"]]) == (1, [2])
    assert [fact.type for fact in campaigns.happened()] == ["touch_recorded"]
