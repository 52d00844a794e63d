"""What every service answers inside the cluster, said without any framework."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from marshmallow import validate
from sqlalchemy import Connection

from chassis.errors import NotFound
from chassis.feed import SCOPE, read_heads, read_lane
from chassis.ids import LANES
from chassis.log import LaneHead
from chassis.routes import Call, Handler, Reply, Route
from chassis.schemas import Whole

OPERATE = "operate"


@dataclass(frozen=True, kw_only=True, slots=True)
class LanePage:
    """Which events of a lane are wanted.

    Args:
        after: The last position that the reader has.
        chain: The lane's chain there, in hexadecimal.
    """

    after: int = 0
    chain: Annotated[str, Whole(r"^[0-9a-f]{64}$")] = "0" * 64
    limit: Annotated[int, validate.Range(min=1, max=1000)] = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryAll:
    """Which parked events should be tried again: those whose error starts like this."""

    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Skip:
    """Why a parked event is given up."""

    reason: Annotated[str, validate.Length(min=1, max=2000)]


def log_heads(db: Connection, call: Call[None]) -> Reply:
    """Return the head of every lane of the log."""
    del call
    return Reply(body=read_heads(db))


def lane(source: str, db: Connection, call: Call[None]) -> Reply:
    """Return the next events of one lane, raw."""
    page: LanePage = call.query
    after = LaneHead(position=page.after, chain=bytes.fromhex(page.chain))
    if call.path["lane"] >= LANES:
        raise NotFound(f"There are {LANES} lanes, from 0 on.")
    lines = read_lane(db, call.path["lane"], after, limit=page.limit, source=source)
    return Reply(body={"events": lines})


def feed_routes(source: str) -> list[tuple[Route, Handler]]:
    """Return the routes of a log's feed, for a process without nameko."""
    heads = Route(
        method="GET",
        path="/internal/v1/log/heads",
        kind="query",
        summary="Return the head of every lane of the log.",
        scope=SCOPE,
    )
    lanes = Route(
        method="GET",
        path="/internal/v1/log/lanes/<int:lane>",
        kind="query",
        summary="Return the next events of one lane, raw.",
        scope=SCOPE,
        query=LanePage,
    )
    return [(heads, log_heads), (lanes, partial(lane, source))]
