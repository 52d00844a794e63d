"""The loop's pages: six stages live, any number down to its events, any event to its trace."""

from collections.abc import Iterator, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import NotFound as NoPage
from werkzeug.routing import Rule

from chassis.browser_sessions import Session
from chassis.clock import moment
from chassis.errors import NotFound
from chassis.problems import problem_of, problem_response
from chassis.telemetry import trace_id_of
from chassis.telemetry.span_file import read_spans
from chassis.wsgi import Endpoint
from loop import unread
from loop.console import Console
from loop.cycle import TOTAL
from loop.edge import number_named
from loop.entering import doors, enter, signed_in
from loop.evaluate import events_of
from loop.live_pages import TooManyLivePages
from loop.projections import closed
from loop.rendering import page, templates
from loop.store import EVENT
from loop.views import (
    LoopView,
    event_line,
    loop_view,
    nothing,
    number_view,
    span_line,
    spans_for,
)

PAGE = 100
_SPANS = 500
_QUIET_SECONDS = 15.0
_TICK_SECONDS = 1.0
_RETRY_SECONDS = "10"
_TYPES = {"js": "text/javascript", "css": "text/css", "txt": "text/plain", "svg": "image/svg+xml"}


class NoSuchEvent(NotFound):
    """The tenant has no event there, or it has not arrived yet."""

    code = "no_such_event"


def pages(console: Console) -> list[tuple[Rule, Endpoint]]:
    """Return the pages, for ``wsgi_app``."""
    return [
        (Rule("/", methods=["GET"]), partial(_first, console)),
        *doors(console),
        (Rule("/live", methods=["GET"]), signed_in(console, live)),
        (Rule("/numbers/<name>", methods=["GET"]), signed_in(console, number_page)),
        (Rule("/events/<service>/<int:position>", methods=["GET"]),
         signed_in(console, event_page)),
        (Rule("/static/<name>", methods=["GET"]), static_file),
    ]  # fmt: skip


def loop_page(
    console: Console, session: Session, request: Request, _path: Mapping[str, Any]
) -> Response:
    """Show the six stages."""
    view = _view(console, session.claims.tenant, request.args.get("cycle"))
    return _shown(console, session, "loop.html", view=view)


def live(
    console: Console, session: Session, request: Request, _path: Mapping[str, Any]
) -> Response:
    """Push the stages anew whenever the position vector moves."""
    try:
        leave = console.live_pages.enter()
    except TooManyLivePages as refusal:
        return problem_response(problem_of(refusal), [("Retry-After", _RETRY_SECONDS)])
    stream = _stages_as_they_change(console, session, request.args.get("cycle"))
    headers = [("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
    response = Response(stream, content_type="text/event-stream", headers=headers)
    # Not in the generator: one that was never asked for anything has no end to run.
    response.call_on_close(leave)
    return response


def number_page(
    console: Console, session: Session, request: Request, path: Mapping[str, Any]
) -> Response:
    """Show one number, its formula and the events behind it."""
    number, cycle = number_named(path["name"]), request.args.get("cycle", TOTAL)
    tenant = session.claims.tenant
    snapshot = console.board.newest()
    counted = snapshot.tenants.get(tenant) or nothing()
    service, _, position = request.args.get("after", "").partition(":")
    found = events_of(
        console.facts.store,
        number.name,
        tenant=tenant,
        cycle=cycle,
        at=snapshot.positions,
        after=(service, int(position) if position.isdecimal() else 0),
        limit=PAGE,
    )
    value = counted.outputs.get(cycle, {}).get(number.stage, {}).get(number.name, number.shape({}))
    return _shown(
        console,
        session,
        "number.html",
        number=number_view(number, value),
        cycle=cycle,
        events=[event_line(event) for event in found],
        more=f"{found[-1].service}:{found[-1].position}" if len(found) == PAGE else None,
    )


def event_page(
    console: Console, session: Session, _request: Request, path: Mapping[str, Any]
) -> Response:
    """Show one event's envelope and the spans of its trace that the tenant may see."""
    tenant = session.claims.tenant
    envelope = _envelope(console, tenant, path["service"], path["position"])
    trace_id = trace_id_of(envelope["traceparent"])
    found = read_spans(console.span_file, trace_id) if console.span_file and trace_id else ()
    spans = spans_for(tenant, list(found))
    times = {name: moment(envelope[name]).isoformat() for name in ("occurred_at", "recorded_at")}
    shown = {**envelope, **times}
    return _shown(
        console,
        session,
        "event.html",
        event={
            "type": envelope["type"],
            "service": envelope["service"],
            "position": envelope["position"],
            "trace_id": trace_id,
            "envelope": [(name, value) for name, value in shown.items() if value is not None],
        },
        spans=[span_line(span) for span in spans[:_SPANS]],
    )


def static_file(_request: Request, path: Mapping[str, Any]) -> Response:
    """Return one of the files that the pages load."""
    name = str(path["name"])
    known = {entry.name: entry for entry in files("loop").joinpath("static").iterdir()}
    if name not in known:
        raise NoPage
    kind = _TYPES[name.rpartition(".")[2]]
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(
        known[name].read_bytes(), content_type=f"{kind}; charset=utf-8", headers=headers
    )


def _first(console: Console, request: Request, path: Mapping[str, Any]) -> Response:
    return enter(console, request, loop_page, path)


def _shown(console: Console, session: Session, template: str, **values: Any) -> Response:
    """Return a page with who is signed in, and their way out."""
    leaving = console.sessions.form_token(session, "/sign-out")
    who = session.grant.name or session.claims.subject
    return page(template, tenant=session.claims.tenant, who=who, leaving=leaving, **values)


def _stages_as_they_change(console: Console, session: Session, cycle: str | None) -> Iterator[str]:
    shown: Mapping[str, int] | None = None
    quiet = 0.0
    while not console.stopping() and console.sessions.alive(session):
        snapshot = console.board.newest()
        if snapshot.positions != shown:
            shown, quiet = snapshot.positions, 0.0
            yield _message(templates.get_template("stages.html").render(
                view=_view(console, session.claims.tenant, cycle)
            ))  # fmt: skip
        elif quiet >= _QUIET_SECONDS:
            quiet = 0.0
            yield ": still here\n\n"  # finds out that the browser has gone
        console.facts.wait_beyond(shown or {}, _TICK_SECONDS)
        quiet += _TICK_SECONDS


def _message(markup: str) -> str:
    lines = "".join(f"data: {line}\n" for line in markup.splitlines())
    return f"event: stages\n{lines}\n"


def _view(console: Console, tenant: str, cycle: str | None) -> LoopView:
    with console.storage.read(tenant) as db:
        recorded = closed(db)
    waiting = unread.listed_of(console.facts, tenant)
    return loop_view(
        console.board.newest(), tenant, cycle=cycle, closed=recorded, unread=len(waiting)
    )


def _envelope(console: Console, tenant: str, service: str, position: int) -> dict[str, Any]:
    with console.facts.store.cursor() as db:
        row = db.execute(
            f"SELECT {', '.join(EVENT)} FROM event "  # noqa: S608  # our own columns
            "WHERE tenant = ? AND service = ? AND position = ?",
            [tenant, service, position],
        ).fetchone()
    if row is None:
        raise NoSuchEvent(f"{service} {position}")
    return dict(zip(EVENT, row, strict=True))
