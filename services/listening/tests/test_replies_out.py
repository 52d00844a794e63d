"""Replies on their way to a platform: a real socket, a platform that fails."""

import time
from typing import Any

import httpx
import pytest

from chassis.errors import Unavailable
from listening.channels import HttpChannel, Message, MessageRefused, NoChannel
from listening.examples import BRAND

DEADLINE_SECONDS = 15
MESSAGE = Message(platform="weibo", in_reply_to="1", to="u1", persona="小包", text="您好")


def misbehave(platforms: Any, fault: str, times: int = 1) -> None:
    body = {"platform": "weibo", "fault": fault, "times": times}
    httpx.post(f"{platforms.url}/v1/faults", json=body).raise_for_status()


def settle_until(desk: Any, name: str) -> None:
    """Let the service run until something has happened; retries wait for real seconds."""
    end = time.monotonic() + DEADLINE_SECONDS
    while desk.count(name) == 0:
        assert time.monotonic() < end, desk.types()
        desk.settle()


def test_a_reply_reaches_the_customer_under_its_persona(connected: Any, platforms: Any) -> None:
    """A customer would never see the answer, or not who gave it."""
    case = connected.case(f"{BRAND} 几点开门?", post="42")
    taken = connected.reply(case).json
    connected.settle()

    (published,) = platforms.platforms.published.values()
    assert published["in_reply_to"] == "42"
    assert (published["to"], published["persona"]) == ("u1", "小包")
    (sent,) = connected.happened("reply_sent")
    assert str(sent.event.reply_id) == taken["reply_id"]
    assert sent.event.platform_reply_id == published["reply_id"]
    assert sent.event.at == connected.clock.now()
    assert connected.get(f"/v1/cases/{case}")["state"] == "settled"


@pytest.mark.parametrize("fault", ["fail", "lose_answer"])
def test_a_reply_that_fails_is_tried_again_and_published_once(
    connected: Any, platforms: Any, fault: str
) -> None:
    """A customer would get no answer after one bad moment, or the same one twice."""
    misbehave(platforms, fault)
    case = connected.case(f"{BRAND} 几点开门?")
    connected.reply(case)
    connected.settle()
    assert connected.get(f"/v1/cases/{case}")["reply_underway"]
    settle_until(connected, "reply_sent")

    assert connected.count("reply_failed") == 1
    assert len(platforms.platforms.published) == 1
    assert list(platforms.platforms.attempts.values()) == [2]


def test_a_closed_channel_escalates_the_case_and_its_clock_runs_on(
    connected: Any, platforms: Any
) -> None:
    """A customer who can no longer be reached there would be forgotten."""
    misbehave(platforms, "close")
    case = connected.case(f"{BRAND} 几点开门?")
    connected.reply(case)
    connected.settle()

    assert connected.happened("case_escalated")[0].event.because == "channel_closed"
    assert connected.get(f"/v1/cases/{case}")["state"] == "open"
    connected.later(hours=1)
    assert connected.count("sla_breached") == 1


def test_nobody_who_was_forgotten_is_written_to(connected: Any, platforms: Any) -> None:
    """Somebody who asked to be forgotten would get mail."""
    case = connected.case(f"{BRAND} 几点开门?")
    connected.reply(case)
    author = connected.happened("mention_detected")[0].event.author_account
    forget(connected, str(author))
    connected.settle()

    assert platforms.platforms.published == {}
    assert connected.happened("reply_failed")[0].event.error == "author_forgotten"
    refused = connected.reply(case)
    assert (refused.status_code, refused.json["code"]) == (410, "author_forgotten")


def test_without_a_channel_replies_wait(desk: Any) -> None:
    """Replies written before a platform is connected would be lost."""
    case = desk.case(f"{BRAND} 几点开门?")
    desk.reply(case)
    desk.settle()

    assert len(desk.rows("SELECT * FROM parked")) == 1
    with pytest.raises(Unavailable):
        NoChannel().send(MESSAGE, idempotency_key="k")


def test_a_channel_that_cannot_be_reached_or_refuses_says_which(platforms: Any) -> None:
    """A passing outage would end a reply, or a hopeless one be tried for ever."""
    with pytest.raises(Unavailable):
        HttpChannel("http://127.0.0.1:9").send(MESSAGE, idempotency_key="k")
    with pytest.raises(MessageRefused):
        HttpChannel(f"{platforms.url}/nowhere").send(MESSAGE, idempotency_key="k")


def forget(desk: Any, account: str) -> None:
    data = {
        "request_id": "0192f5d0-0000-7000-8000-0000000000ff",
        "person_id": "0192f5d0-0000-7000-8000-0000000000fe",
        "subjects": [account],
    }
    desk.receive("identity", "erasure_requested", data)
