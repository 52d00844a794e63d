"""The loop's pages: six stages live, any number down to its events, any event to its trace."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug import Request, Response
from werkzeug.exceptions import NotFound as NoPage
from werkzeug.routing import Rule
from werkzeug.utils import redirect

from chassis.auth import Unauthenticated
from chassis.clock import moment
from chassis.errors import NotFound, Rejected
from chassis.problems import problem_of, problem_response
from chassis.telemetry import trace_id_of
from chassis.telemetry.span_file import read_spans
from chassis.wsgi import Endpoint
from loop import unread
from loop.console import Console
from loop.cycle import TOTAL
from loop.edge import number_named
from loop.evaluate import events_of
from loop.live_pages import TooManyLivePages
from loop.projections import closed
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
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_templates = Environment(
    loader=PackageLoader("loop"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
Page = Callable[[Console, str, Request, Mapping[str, Any]], Response]


class NoSuchEvent(NotFound):
    """The tenant has no event there, or it has not arrived yet."""

    code = "no_such_event"


def pages(console: Console) -> list[tuple[Rule, Endpoint]]:
    """Return the pages, for ``wsgi_app``."""
    return [
        (Rule("/", methods=["GET"]), partial(_enter, console)),
        (Rule("/session", methods=["POST"]), partial(_sign_in, console)),
        (Rule("/live", methods=["GET"]), _signed_in(console, live)),
        (Rule("/numbers/<name>", methods=["GET"]), _signed_in(console, number_page)),
        (Rule("/events/<service>/<int:position>", methods=["GET"]),
         _signed_in(console, event_page)),
        (Rule("/static/<name>", methods=["GET"]), static_file),
    ]  # fmt: skip


def loop_page(
    console: Console, tenant: str, request: Request, _path: Mapping[str, Any]
) -> Response:
    """Show the six stages."""
    view = _view(console, tenant, request.args.get("cycle"))
    return _page("loop.html", tenant=tenant, view=view)


def live(console: Console, tenant: str, request: Request, _path: Mapping[str, Any]) -> Response:
    """Push the stages anew whenever the position vector moves."""
    try:
        leave = console.live_pages.enter()
    except TooManyLivePages as refusal:
        return problem_response(problem_of(refusal), [("Retry-After", _RETRY_SECONDS)])
    stream = _stages_as_they_change(console, tenant, request.args.get("cycle"))
    headers = [("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
    response = Response(stream, content_type="text/event-stream", headers=headers)
    # Not in the generator: one that was never asked for anything has no end to run.
    response.call_on_close(leave)
    return response


def number_page(
    console: Console, tenant: str, request: Request, path: Mapping[str, Any]
) -> Response:
    """Show one number, its formula and the events behind it."""
    number, cycle = number_named(path["name"]), request.args.get("cycle", TOTAL)
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
    return _page(
        "number.html",
        number=number_view(number, value),
        cycle=cycle,
        events=[event_line(event) for event in found],
        more=f"{found[-1].service}:{found[-1].position}" if len(found) == PAGE else None,
    )


def event_page(
    console: Console, tenant: str, _request: Request, path: Mapping[str, Any]
) -> Response:
    """Show one event's envelope and the spans of its trace that the tenant may see."""
    envelope = _envelope(console, tenant, path["service"], path["position"])
    trace_id = trace_id_of(envelope["traceparent"])
    found = read_spans(console.span_file, trace_id) if console.span_file and trace_id else ()
    spans = spans_for(tenant, list(found))
    times = {name: moment(envelope[name]).isoformat() for name in ("occurred_at", "recorded_at")}
    shown = {**envelope, **times}
    return _page(
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


def _enter(console: Console, request: Request, path: Mapping[str, Any]) -> Response:
    token = request.args.get("token")
    if token is not None and console.tokens_in_links:
        return _begin(console, token)
    return _signed_in(console, loop_page)(request, path)


def _sign_in(console: Console, request: Request, _path: Mapping[str, Any]) -> Response:
    return _begin(console, request.form.get("token", ""))


def _begin(console: Console, token: str) -> Response:
    try:
        claims = console.authority.claims(token.strip())
        return console.sessions.begin(_guarded(redirect("/", code=303)), claims)
    except Rejected as refusal:
        return _page("signin.html", status=refusal.status, problem=str(refusal))


def _signed_in(console: Console, page: Page) -> Endpoint:
    def answer(request: Request, path: Mapping[str, Any]) -> Response:
        try:
            tenant = console.sessions.tenant(request)
        except Unauthenticated:
            return _page("signin.html", status=401, problem=None)
        return page(console, tenant, request, path)

    return answer


def _stages_as_they_change(console: Console, tenant: str, cycle: str | None) -> Iterator[str]:
    shown: Mapping[str, int] | None = None
    quiet = 0.0
    while not console.stopping():
        snapshot = console.board.newest()
        if snapshot.positions != shown:
            shown, quiet = snapshot.positions, 0.0
            yield _message(_templates.get_template("stages.html").render(
                view=_view(console, tenant, cycle)
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
    waiting = [one for one in unread.listed(console.facts) if one.event.tenant == tenant]
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


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    text = _templates.get_template(template).render(**values)
    return _guarded(Response(text, status=status, content_type="text/html; charset=utf-8"))


def _guarded(response: Any) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response  # type: ignore[no-any-return]  # werkzeug's redirect returns its base class
