"""What every service answers inside the cluster, said without any framework."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from marshmallow import validate
from sqlalchemy import Connection

from chassis import audit, parked
from chassis.audit import Entry
from chassis.errors import NotFound
from chassis.feed import SCOPE, read_heads, read_lane
from chassis.ids import LANES
from chassis.log import LaneHead
from chassis.parked import Parked
from chassis.routes import OPERATE, Call, Handler, Reply, Route
from chassis.schemas import Whole

__all__ = ["OPERATE"]
PARKED_ACTIONS = "parked."


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
        action: Only this one, or with a dot at its end all that begin with it.
        cursor: Where the page before ended.
    """

    action: str | None = None
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
    """Return what was done for the caller's tenant, the newest first."""
    wanted: AuditWanted = call.query
    found = _entries(db, call, wanted.action)
    place = str(found[-1].entry_id) if found else None
    return _page(call, "entries", [entry_view(one) for one in found], place)


def parked_audit_page(db: Connection, call: Call[None]) -> Reply:
    """Return what people did to parked events, the newest first."""
    found = _entries(db, call, PARKED_ACTIONS)
    place = str(found[-1].entry_id) if found else None
    return _page(call, "audit", [parked_entry_view(one) for one in found], place)


def _entries(db: Connection, call: Call[None], action: str | None) -> Sequence[Entry]:
    before = call.cursors.read(call.query.cursor)
    return audit.listed(
        db,
        call.keys,
        call.tenant,
        action=action,
        before=UUID(before) if before else None,
        limit=call.query.limit,
    )


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


def entry_view(entry: Entry) -> dict[str, Any]:
    """Return an entry as an auditor sees it."""
    return {
        "entry_id": str(entry.entry_id),
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "outcome": entry.outcome,
        "detail": dict(entry.detail),
    }


def parked_entry_view(entry: Entry) -> dict[str, Any]:
    """Return an entry about a parked event, as ``sixfold parked audit`` prints it."""
    path = entry.detail.get("path", {})
    return {
        "subscription": path.get("subscription", entry.detail.get("subscription")),
        "position": path.get("position"),
        "action": entry.action.removeprefix(PARKED_ACTIONS),
        "actor": entry.actor,
        "reason": entry.detail.get("reason", entry.detail.get("error", "")),
        "at": entry.at.isoformat(),
    }


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
