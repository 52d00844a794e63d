"""The main journey: six stages with something in them, and the same again from the logs."""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from chassis.clock import micros
from installation import ALL, Decoded, Installation, eventually
from loop.cycle import TOTAL, Cycle, canonical, cycle_named, hash_of
from sixfold import report
from sixfold.parts import LOOP, SERVICES
from sixfold.shop import TENANT, ZONE

pytestmark = [pytest.mark.journey, pytest.mark.servers]


def replayed(installation: Installation, *options: str) -> dict[str, Any]:
    """Return what the real command prints."""
    done = installation.sixfold("replay", "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def sections(installation: Installation) -> list[str]:
    """Return the stages in the order in which the page shows them."""
    token = installation.stack.token(TENANT, "you", ["loop.read"])
    with httpx.Client(base_url=installation.clients[LOOP].url, follow_redirects=True) as browser:
        page = browser.get("/", params={"token": token})
    return re.findall(r'<section class="card" id="(\w+)"', page.text)


def test_every_stage_has_something_to_say(installation: Installation) -> None:
    """A stranger would watch a demonstration of which a part stays empty."""
    installation.settle()
    answer = installation.clients[LOOP].get("/v1/loop/stages")
    report.require_six(answer["stages"])
    assert installation.fed.refused == []
    assert installation.counts()["order_completed"] > 20


@pytest.mark.requirement("Z1")
def test_the_line_of_six_is_the_same_from_the_logs_in_any_order_and_any_parts(
    installation: Installation,
) -> None:
    """The numbers on the page would be what happened to be computed, not what the logs say."""
    live = installation.hashes()
    ways = [(), (), ("--shuffle", "7"), ("--partitions", "4"), ("--at-live",)]
    found = [replayed(installation, *options) for options in ways]
    assert {one["hash"] for one in found} == {live["hash"]}
    assert all(one["positions"] == live["positions"] for one in found)
    assert all(one["live"]["equal"] is True and one["unread"] == [] for one in found)
    assert len({canonical(one["stages"]) for one in found}) == 1
    # One line, whose end is what the next Listen is told.
    assert sections(installation) == [*report.STAGES, "feedback"]
    assert found[0]["stages"]["feedback"]["top_products"]


def test_a_replay_at_the_live_position_agrees_while_events_still_arrive(
    installation: Installation,
) -> None:
    """A comparison would need the shop to stand still."""
    for number in range(5):
        installation.mention(f"Lantern Tea, cup number {number}")
    found = replayed(installation, "--at-live", "--shuffle", "11")
    assert found["hash"] == found["live"]["hash"]


@pytest.mark.requirement("Z11")
def test_each_week_that_is_over_is_closed_with_the_numbers_of_all_stages(
    installation: Installation,
) -> None:
    """The next week would begin before the last one was counted."""
    installation.settle()
    over = [week.name for week in weeks_over(installation)]
    eventually(
        lambda: {one.event.cycle for one in closed(installation)} == set(over),
        "every week that is over is closed, and no other",
    )
    assert [one.event.cycle for one in closed(installation)] == over
    for one in closed(installation):
        assert set(one.event.stages) == {*report.STAGES, "feedback"}
        assert one.event.hash == hash_of(one.event.stages)
        assert set(one.event.positions) == set(SERVICES)


def weeks_over(installation: Installation) -> list[Cycle]:
    """Return the weeks in which something happened and that are over, in order."""
    shown = installation.clients[LOOP].get("/v1/loop/stages")["cycles"]
    weeks = [cycle_named(name, ZoneInfo(ZONE)) for name in shown if name != TOTAL]
    return [week for week in weeks if week.stop <= micros(installation.stack.clock.now())]


def closed(installation: Installation) -> list[Decoded]:
    return installation.events(LOOP, "loop_cycle_closed")


def test_every_log_verifies(installation: Installation) -> None:
    """A log whose chains are broken would go on to be believed."""
    done = installation.sixfold("log", "verify")
    assert done.returncode == 0, done.stdout
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert set(said) == set(ALL)
    assert all(line.endswith("positions, versions and chains hold") for line in said.values())
