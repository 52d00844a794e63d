"""The same logs give the same hash, however they arrive."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Alarm
from chassis.inbox import Feed
from chassis.log import LaneHead
from four_logs import FourLogs
from loop.cycle import hash_of
from loop.evaluate import value_of
from loop.replay import PositionNotReached, Result, replay


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(), partitions=st.sampled_from([1, 2, 4]))
def test_any_order_of_arrival_gives_the_same_outputs(
    told: FourLogs, replayed: Result, seed: int, partitions: int
) -> None:
    """Otherwise nobody can trust that live and replayed numbers are the same."""
    shuffled = replay(told.feeds, shuffle_seed=seed, partitions=partitions)
    assert shuffled.stages == replayed.stages
    assert shuffled.hash == replayed.hash


def test_a_replay_stops_at_the_vector_it_was_given(told: FourLogs) -> None:
    """Otherwise the past cannot be looked at as it was."""
    whole = replay(told.feeds)
    earlier = replay(told.feeds, at={**whole.positions, "listening": 4})
    assert value_of(earlier.tenants["acme"], "mention_volume") == 2
    assert earlier.hash != whole.hash
    with pytest.raises(PositionNotReached):
        replay(told.feeds, at={"listening": 10_000})


def test_one_tenants_hash_is_over_its_own_outputs(told: FourLogs) -> None:
    """Otherwise the command line and the page show different hashes for the same numbers."""
    one = replay(told.feeds, tenant="acme")
    assert one.hash == hash_of(one.stages["acme"]) == one.tenants["acme"].hash
    assert replay(told.feeds).hash != one.hash


def test_an_event_of_an_unknown_version_is_named_and_not_dropped(logs: FourLogs) -> None:
    """Otherwise a replay with an old build looks complete."""
    logs.add("identity", "person_registered", {"person_id": "p"}, version=9)
    (line,) = replay(logs.feeds).unread
    assert line.startswith("identity 1 UnknownEvent")


class Forged:
    """A feed whose first event says something else than what was recorded."""

    def __init__(self, feed: Feed) -> None:
        self.heads = feed.heads
        self._feed = feed

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> list[object]:
        """Return a lane with one byte changed."""
        page = self._feed.lane_after(lane, after, limit=limit)
        return [replace(event, data=event.data + b" ") for event in page[:1]] + list(page[1:])


def test_a_forged_event_stops_the_replay(told: FourLogs) -> None:
    """Otherwise somebody edits a log and nobody notices."""
    feeds = {**told.feeds, "commerce": Forged(told.feeds["commerce"])}
    with pytest.raises(Alarm):
        replay(feeds)  # type: ignore[arg-type]  # a feed that lies is still a feed
