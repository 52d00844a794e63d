"""A tenant that used up its quotas is told nothing new, and still answers those who wait."""

from typing import Any


def limit(desk: Any, **limits: int) -> None:
    named = [{"name": name, "limit": most} for name, most in limits.items()]
    desk.receive("identity", "tenant_quotas_set", {"zone": "Asia/Shanghai", "limits": named})
    desk.storage.quotas.look_again()


def test_watches_are_limited(desk: Any) -> None:
    """Every word in the language could be watched."""
    limit(desk, watches=2)
    watch = {"brand": "b", "terms": ["b"]}
    answers = [desk.call("POST", "/v1/watches", watch) for _ in range(2)]
    revised = {"terms": ["c"], "exclude": [], "platforms": [], "require_at": False}
    path = f"/v1/watches/{desk.watch_id}/revisions"

    assert [answer.status_code for answer in answers] == [201, 403]
    assert answers[1].json["quota"] == {"name": "watches", "limit": 2, "ends": None}
    assert desk.count("watch_defined") == 2
    assert desk.call("POST", path, revised).status_code < 300


def test_a_case_that_is_open_is_answered(desk: Any) -> None:
    """Somebody who complained in time would wait for the end of the month."""
    first, second = desk.case("快书包 坏了", post="1"), desk.case("快书包 坏了", post="2")
    limit(desk, commands_a_day=0, events_a_month=0, requests_a_minute=0)
    mention = {
        "platform": "weibo", "post_id": "3", "author_id": "u", "author_name": "A",
        "text": "快书包", "posted_at": desk.clock.now().isoformat(), "kind": "post",
    }  # fmt: skip
    refused = desk.call("POST", "/v1/mentions", mention)
    answered = desk.reply(first)
    closed = desk.call("POST", f"/v1/cases/{second}/resolutions", {"outcome": "no_reply_needed"})
    desk.settle()

    assert refused.status_code == 429
    assert answered.status_code == 201, answered.text
    assert closed.status_code < 300, closed.text


def test_the_clock_of_a_case_runs_on(desk: Any) -> None:
    """A deadline would pass unseen: timers and processes are nobody's requests."""
    desk.case("快书包 坏了")
    limit(desk, commands_a_day=0, events_a_day=0, stored_events=0)
    before = len(desk.happened())
    desk.later(hours=5)

    assert len(desk.happened()) > before
