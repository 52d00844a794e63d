"""What every service answers inside the cluster, said without any framework."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

from marshmallow import validate
from sqlalchemy import Connection

from chassis import parked
from chassis.errors import NotFound
from chassis.feed import SCOPE, read_heads, read_lane
from chassis.ids import LANES
from chassis.log import LaneHead
from chassis.parked import Parked
from chassis.parked_audit import Audited, audit
from chassis.routes import OPERATE, Call, Handler, Reply, Route
from chassis.schemas import Whole

__all__ = ["OPERATE"]


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
class ParkedWanted:
    """Which parked events to list.

    Args:
        subscription: Only this one's.
        error: Only those whose error starts like this.
        cursor: Where the page before ended.
    """

    subscription: str | None = None
    error: str = ""
    cursor: str | None = None
    limit: Annotated[int, validate.Range(min=1, max=500)] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditWanted:
    """Which part of the audit to list.

    Args:
        cursor: Where the page before ended.
    """

    cursor: str | None = None
    limit: Annotated[int, validate.Range(min=1, max=500)] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryAll:
    """Which parked events should be tried again: those whose error starts like this.

    Args:
        error: How their error starts, as the list shows it: ``ZeroDivisionError``.
        subscription: Only this one's.
    """

    error: Annotated[str, validate.Length(min=1, max=2000)]
    subscription: str | None = None


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


def parked_page(db: Connection, call: Call[None]) -> Reply:
    """Return the next parked events, and where the page after them begins."""
    wanted: ParkedWanted = call.query
    after = call.cursors.read(wanted.cursor) or ("", -1)
    found = parked.listed(
        db, wanted.subscription, error=wanted.error, after=tuple(after), limit=wanted.limit
    )
    place = (found[-1].subscription, found[-1].event.position) if found else None
    return _page(call, "parked", [parked_view(one) for one in found], place)


def audit_page(db: Connection, call: Call[None]) -> Reply:
    """Return what people did to parked events, the newest first."""
    wanted: AuditWanted = call.query
    before = call.cursors.read(wanted.cursor)
    found = audit(db, before=before, limit=wanted.limit)
    place = found[-1].number if found else None
    return _page(call, "audit", [audited_view(one) for one in found], place)


def parked_view(waiting: Parked) -> dict[str, Any]:
    """Return what an operator sees of a parked event: its data stays sealed and unseen."""
    return {
        "subscription": waiting.subscription,
        "position": waiting.event.position,
        "tenant": waiting.event.tenant,
        "stream": waiting.event.stream,
        "type": waiting.event.type,
        "error": waiting.error,
        "tries": waiting.tries,
        "due_at": waiting.due_at.isoformat() if waiting.due_at else None,
        "parked_at": waiting.parked_at.isoformat(),
    }


def audited_view(audited: Audited) -> dict[str, Any]:
    """Return what an operator sees of what somebody did."""
    return {**asdict(audited), "at": audited.at.isoformat()}


def _page(call: Call[None], name: str, views: list[dict[str, Any]], place: Any) -> Reply:
    full = len(views) == call.query.limit
    return Reply(body={name: views, "next": call.cursors.write(place) if full else None})


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
