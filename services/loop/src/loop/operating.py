"""What operators ask of the loop: how far it is, and what it could not read."""

from typing import Any

from sqlalchemy import Connection

from chassis import internal_routes
from chassis.clock import moment
from chassis.internal_routes import OPERATE, AuditWanted, RetryAll, Skip
from chassis.parked import NotParked
from chassis.progress import progress
from chassis.routes import Call, Reply, Route
from chassis.topology import subscription_name
from chassis.unit_of_work import UnitOfWork
from loop import unread
from loop.console import Console
from loop.live import lanes_of
from loop.unread import Waiting
from loop.upstream import SOURCES

_ONE = "/internal/v1/parked/<subscription>/<int:position>"


def show_progress(console: Console, db: Connection, _call: Call[None]) -> Reply:
    """Show how far the own log and every reader have come."""
    own = progress(db)
    readers = {
        subscription_name("loop", source): {
            str(lane): head.position for lane, head in lanes_of(console.facts, source).items()
        }
        for source in SOURCES
    }
    waiting = len(unread.listed(console.facts))
    return Reply(
        body={**own, "readers": own["readers"] | readers, "parked": own["parked"] + waiting}
    )


def list_parked(console: Console, _db: Connection, _call: Call[None]) -> Reply:
    """List the events that could not be read."""
    views = [_view(waiting) for waiting in unread.listed(console.facts)]
    return Reply(body={"parked": views, "next": None})


def list_parked_audit(_console: Console, db: Connection, call: Call[None]) -> Reply:
    """List which events were given up or read again, by whom and why, the newest first."""
    return internal_routes.parked_audit_page(db, call)


def show_parked(console: Console, _db: Connection, call: Call[None]) -> Reply:
    """Show one event that could not be read, with its error and trace."""
    waiting = unread.show(console.facts, *_place(call))
    return Reply(body={**_view(waiting), "trace": waiting.trace})


def retry_parked(console: Console, _work: UnitOfWork, call: Call[None]) -> Reply:
    """Read one event again."""
    succeeded = unread.retry(console.facts, *_place(call))
    console.board.forget()
    return Reply(body={"retried": 1, "succeeded": int(succeeded)})


def retry_all_parked(console: Console, _work: UnitOfWork, call: Call[RetryAll]) -> Reply:
    """Read every event with a certain error again."""
    succeeded = unread.retry_all(console.facts, error=call.body.error)
    console.board.forget()
    return Reply(body={"retried": succeeded})


def skip_parked(console: Console, _work: UnitOfWork, call: Call[Skip]) -> Reply:
    """Give one event up, for a reason that is kept."""
    unread.skip(console.facts, *_place(call))
    return Reply(body={"skipped": 1})


def _place(call: Call[Any]) -> tuple[str, int]:
    known = {subscription_name("loop", source): source for source in SOURCES}
    subscription = call.path["subscription"]
    if subscription not in known:
        raise NotParked(f"the loop has no subscription {subscription}")
    return known[subscription], call.path["position"]


def _view(waiting: Waiting) -> dict[str, Any]:
    return {
        "subscription": subscription_name("loop", waiting.service),
        "position": waiting.position,
        "tenant": waiting.event.tenant,
        "stream": waiting.event.stream,
        "type": waiting.event.type,
        "error": waiting.error,
        "tries": waiting.tries,
        "due_at": None,
        "parked_at": moment(waiting.parked_at).isoformat(),
    }


def _asks(path: str, summary: str, *, query: type[object] | None = None) -> Route:
    return Route(method="GET", path=path, kind="query", summary=summary, scope=OPERATE, query=query)


def _does(path: str, summary: str, action: str, body: type[object] | None = None) -> Route:
    return Route(
        method="POST",
        path=path,
        kind="command",
        summary=summary,
        scope=OPERATE,
        body=body,
        audit=action,
        audit_ahead=True,  # the facts are in another database
    )


OPERATING = (
    (_asks("/internal/v1/progress", "Show how far every reader has come."), show_progress),
    (_asks("/internal/v1/parked", "List the events that could not be read."), list_parked),
    (
        _asks("/internal/v1/parked/audit", "List which events were given up.", query=AuditWanted),
        list_parked_audit,
    ),
    (_asks(_ONE, "Show one event that could not be read."), show_parked),
    (_does(f"{_ONE}/retry", "Read one event again.", "parked.retry"), retry_parked),
    (
        _does(
            "/internal/v1/parked/retry",
            "Read many events again.",
            "parked.retry_all",
            body=RetryAll,
        ),
        retry_all_parked,
    ),
    (_does(f"{_ONE}/skip", "Give one event up.", "parked.skip", body=Skip), skip_parked),
)
