"""From a mention to its reply, through the whole service in simulated time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from chassis import faults
from listening.examples import BRAND

SECOND = timedelta(seconds=1)
GOLDEN = [
    ("2026-05-06 10:00", "2026-05-06 10:05", "2026-05-06 10:05"),
    ("2026-05-06 17:59:59", "2026-05-06 18:04:59", "2026-05-06 18:04:59"),
    ("2026-05-06 18:00", "2026-05-06 19:00", "2026-05-06 19:00"),
    ("2026-05-06 21:30", "2026-05-06 22:30", "2026-05-06 22:30"),
    ("2026-05-07 08:30", "2026-05-07 09:30", "2026-05-07 09:05"),
    ("2026-05-07 08:58", "2026-05-07 09:58", "2026-05-07 09:05"),
    ("2026-05-09 10:00", "2026-05-09 10:05", "2026-05-09 10:05"),
    ("2026-05-10 10:00", "2026-05-10 11:00", "2026-05-10 11:00"),
    ("2026-05-10 23:40", "2026-05-11 00:40", "2026-05-11 00:40"),
    ("2026-10-01 10:00", "2026-10-01 11:00", "2026-10-01 11:00"),
]
WHOLE_STORY = (
    "watch_defined",
    "persona_registered",
    "mention_detected",
    "mention_classified",
    "case_opened",
    "sla_warned",
    "sla_warned",
    "sla_breached",
    "reply_drafted",
    "reply_sent",
    "case_resolved",
)
CRASHES = [
    ("mention_reply.handled", 1),
    ("mention_reply.handled", 2),
    ("mention_reply.before_commit", 1),
    ("mention_reply.before_commit", 2),
    ("mention_reply.committed", 1),
    ("timer.before_commit", 1),
    ("timer.before_commit", 3),
    ("mention_list.before_commit", 1),
    ("channel.sent", 1),
    ("channel.called", 1),
]


class Killed(BaseException):
    """The process died here."""


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    """Let no crash point outlive its test."""
    yield
    faults.set_hook(None)


@pytest.mark.requirement("X12")
@pytest.mark.parametrize("sign", ["", "@"])
def test_every_mention_is_due_by_the_golden_times_and_measured_by_them(
    desk: Any, sign: str
) -> None:
    """With or without @, evenings and weekends, a reply would be called late or in time wrongly."""
    for number, (start, due, _) in enumerate(GOLDEN):
        case = desk.case(f"{sign}{BRAND} 你好", post=str(number), at=desk.wall(start))
        assert moment(desk.get(f"/v1/cases/{case}")["due_at"]) == desk.wall(due)
        late = number % 2
        assert desk.reply(case, at=desk.wall(due) + late * SECOND).status_code == 201
        desk.settle()

    sent = [entry.event for entry in desk.happened("reply_sent")]
    assert [one.within for one in sent] == [number % 2 == 0 for number in range(len(GOLDEN))]
    assert desk.count("sla_breached") == len(GOLDEN) // 2
    assert desk.get("/v1/reports/sla")["attainment"] == "0.5000"


def test_a_stricter_tier_that_begins_meanwhile_pulls_the_due_time_in(desk: Any) -> None:
    """A brand that promises the earliest boundary would answer an hour after it opened."""
    desk.call("PUT", "/v1/reply-policy", {"brand": BRAND, "boundary": "earliest"})
    for number, (start, _, earliest) in enumerate(GOLDEN):
        case = desk.case(f"{BRAND} 你好", post=str(number), at=desk.wall(start))
        view = desk.get(f"/v1/cases/{case}")
        assert moment(view["due_at"]) == desk.wall(earliest)
        assert view["policy_v"] == "own-1"


def test_time_runs_out_with_two_warnings_and_one_breach(desk: Any) -> None:
    """Agents would hear too late, or twice, that a customer waits."""
    case = desk.case(f"{BRAND} 几点开门?")
    start = desk.clock.now()
    desk.later(seconds=149)
    assert desk.count("sla_warned") == 0
    desk.later(hours=3)

    warned = desk.happened("sla_warned")
    (breached,) = desk.happened("sla_breached")
    assert [entry.event.pct for entry in warned] == [50, 80]
    assert [entry.envelope.occurred_at - start for entry in warned] == [150 * SECOND, 240 * SECOND]
    assert breached.envelope.occurred_at == start + 300 * SECOND == breached.event.due_at
    assert desk.get(f"/v1/cases/{case}")["state"] == "open"


def test_a_late_reply_adds_no_second_breach(desk: Any) -> None:
    """One late answer would be counted twice."""
    case = desk.case(f"{BRAND} 几点开门?")
    start = desk.clock.now()
    desk.later(minutes=6)
    desk.reply(case, at=start + timedelta(minutes=6))
    desk.later(hours=1)

    assert desk.count("sla_breached") == 1
    assert desk.types()[-2:] == ["reply_sent", "case_resolved"]
    assert not desk.happened("reply_sent")[0].event.within


def test_a_reply_in_time_stops_warnings_and_breach(desk: Any) -> None:
    """Agents would be chased for what they have answered."""
    case = desk.case(f"{BRAND} 几点开门?")
    desk.reply(case, at=desk.clock.now() + timedelta(minutes=2))
    desk.later(hours=1)

    assert desk.types()[-3:] == ["reply_drafted", "reply_sent", "case_resolved"]


def test_word_of_a_punctual_reply_that_comes_after_the_timer_takes_the_breach_back(
    desk: Any,
) -> None:
    """An import of old conversations would show punctual answers as late."""
    case = desk.case(f"{BRAND} 几点开门?", at=desk.wall("2026-05-05 10:00"))
    assert desk.count("sla_breached") == 1
    desk.reply(case, at=desk.wall("2026-05-05 10:03"))
    desk.settle()

    assert desk.count("sla_breach_withdrawn") == 1
    assert desk.get("/v1/reports/sla")["attainment"] == "1.0000"


def test_the_same_post_again_opens_no_second_case(desk: Any) -> None:
    """A platform that delivers twice would double the agents' work."""
    desk.case(f"{BRAND} 几点开门?")
    before = desk.types()
    again = desk.hear(f"{BRAND} 几点开门?")
    desk.settle()

    assert (again["recorded"], again["duplicates"]) == (0, 1)
    assert desk.types() == before


def test_one_conversation_is_one_case_that_reopens(desk: Any) -> None:
    """Every comment under a post would be a case of its own, or a second question be lost."""
    first = desk.case(f"{BRAND} 几点开门?", post="1")
    second = desk.case(f"{BRAND} 有人吗", post="2", root_id="1", kind="comment")
    assert first == second
    assert desk.count("case_opened") == 1
    desk.reply(first, at=desk.clock.now())
    desk.later(minutes=30)
    desk.case(f"{BRAND} 还有一个问题", post="3", root_id="1", kind="comment")

    (reopened,) = desk.happened("case_reopened")
    assert reopened.event.turn == 2
    assert reopened.event.clock_started_at == desk.clock.now()
    desk.later(hours=2)
    assert desk.count("sla_breached") == 1


def test_a_mention_before_the_tenant_is_known_counts_weekdays_by_utc(desk: Any) -> None:
    """A due time would pretend to know holidays that nobody has told us of."""
    desk.tenant = "newcomer"
    desk.post("/v1/watches", {"brand": BRAND, "terms": [BRAND]})
    case = desk.case(f"{BRAND} 你好", at=desk.wall("2026-10-01 17:30"))

    view = desk.get(f"/v1/cases/{case}")
    assert view["calendar_basis"] == "weekdays_only"
    assert view["tier"] == "day"


@pytest.mark.parametrize(("point", "nth"), CRASHES)
def test_a_process_that_dies_anywhere_goes_on_where_it_stopped(
    connected: Any, platforms: Any, point: str, nth: int
) -> None:
    """A crash would lose a reply, send it twice, or count a breach twice."""
    case = connected.hear(f"{BRAND} 几点开门?")["conversations"][0]["case_id"]
    died = died_at(connected, point, nth)
    connected.clock.set(connected.clock.now() + timedelta(minutes=6))
    died += died_at(connected, point, nth)
    connected.reply(case)
    died += died_at(connected, point, nth)

    assert died
    assert sorted(connected.types()) == sorted(WHOLE_STORY)
    assert len(platforms.platforms.published) == 1
    view = connected.get(f"/v1/cases/{case}")
    assert (view["state"], view["breached"], view["reply_underway"]) == ("settled", True, False)
    report = connected.get("/v1/reports/sla")
    assert (report["turns"], report["due"], report["within"]) == (1, 1, 0)
    assert connected.rows("SELECT * FROM parked") == []
    assert connected.rows("SELECT * FROM timers") == []
    assert connected.rows("SELECT finished FROM processes") == [{"finished": 1}]


def died_at(desk: Any, point: str, nth: int) -> int:
    """Let the service die at a point when it gets there for the n-th time, and start it again."""
    visits = count(1)

    def hook(reached: str) -> None:
        if reached == point and next(visits) == nth:
            raise Killed

    faults.set_hook(hook)
    try:
        desk.settle()
    except Killed:
        return 1
    finally:
        faults.set_hook(None)
        desk.settle()
    return 0


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
