"""The loop's API: requests in, numbers and the events behind them out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection

from chassis.clock import moment
from chassis.errors import Invalid, NotFound
from chassis.internal_routes import feed_routes
from chassis.me import person_routes
from chassis.routes import Call, Handler, Reply, Route
from loop import messages, unread
from loop.board import Snapshot
from loop.console import Console
from loop.cycle import UnknownCycle
from loop.evaluate import Counted, Source, events_of
from loop.numbers import Number
from loop.operating import OPERATING
from loop.session import SCOPE
from loop.stages import BY_NAME
from loop.upstream import SOURCES
from loop.views import nothing


class UnknownNumber(NotFound):
    """The loop has no number of that name."""

    code = "unknown_number"


def routes(console: Console) -> list[tuple[Route, Handler]]:
    """Return everything that the loop answers besides its pages."""
    answering = [
        (route, cast("Handler", partial(answer, console)))
        for route, answer in (*_NUMBERS, *OPERATING)
    ]
    return [*answering, *person_routes(contract), *feed_routes("loop")]


def contract() -> list[Route]:
    """Return what the loop's API promises."""
    served = (*_NUMBERS, *OPERATING, *person_routes(contract), *feed_routes("loop"))
    return [route for route, _ in served]


def number_named(name: str) -> Number:
    """Return a number; raises UnknownNumber."""
    if name not in BY_NAME:
        raise UnknownNumber(name)
    return BY_NAME[name]


def show_stages(console: Console, _db: Connection, call: Call[None]) -> Reply:
    """Show one cycle's numbers."""
    query: messages.WhichStages = call.query
    snapshot = _snapshot(console, query.at)
    counted = snapshot.tenants.get(call.tenant) or nothing()
    if query.cycle not in counted.outputs:
        raise UnknownCycle(query.cycle)
    return Reply(
        body=messages.Stages(
            cycle=query.cycle,
            cycles=[week.name for week in counted.cycles],
            hash=counted.hash_of(query.cycle),
            positions=dict(snapshot.positions),
            stages=counted.outputs[query.cycle],
        )
    )


def show_hash(console: Console, _db: Connection, call: Call[None]) -> Reply:
    """Show the hash over all cycles, and each cycle's own."""
    query: messages.WhichHash = call.query
    snapshot = _snapshot(console, query.at)
    counted: Counted = snapshot.tenants.get(call.tenant) or nothing()
    return Reply(
        body=messages.Hash(
            hash=counted.hash,
            positions=dict(snapshot.positions),
            cycles={name: counted.hash_of(name) for name in counted.outputs},
            unread=len(unread.listed_of(console.facts, call.tenant)),
        )
    )


def list_events(console: Console, _db: Connection, call: Call[None]) -> Reply:
    """List the events that made a number."""
    query: messages.WhichEvents = call.query
    number = number_named(call.path["name"])
    service, _, position = (call.cursors.read(query.cursor) or ":0").partition(":")
    found = events_of(
        console.facts.store,
        number.name,
        tenant=call.tenant,
        cycle=query.cycle,
        at=console.facts.vector,
        after=(service, int(position)),
        limit=query.limit,
    )
    full = len(found) == query.limit
    last = f"{found[-1].service}:{found[-1].position}" if full else None
    return Reply(
        body=messages.Events(
            events=[_event(one) for one in found],
            next=call.cursors.write(last) if last else None,
        )
    )


def vector_of(text: str) -> dict[str, int]:
    """Return the position vector in a query.

    >>> vector_of("identity=5,listening=9")
    {'identity': 5, 'listening': 9}

    Raises:
        Invalid: a source is named twice, or is none that the loop counts from.
    """
    pairs = [part.partition("=") for part in text.split(",") if part]
    problems = list(_wrong_sources([source for source, _, _ in pairs]))
    if problems:
        raise Invalid({"at": problems})
    return {source: int(position) for source, _, position in pairs}


def _wrong_sources(named: Sequence[str]) -> Iterator[str]:
    for source, times in Counter(named).items():
        if source not in SOURCES:
            yield f"{source} is no source; the sources are {', '.join(SOURCES)}."
        elif times > 1:
            yield f"{source} is named {times} times."


def _snapshot(console: Console, at: str) -> Snapshot:
    return console.board.at(vector_of(at)) if at else console.board.newest()


def _event(one: Source) -> messages.EventView:
    return messages.EventView(
        service=one.service,
        position=one.position,
        type=one.type,
        stream=one.stream,
        occurred_at=moment(one.occurred_at).isoformat(),
        id=one.id,
    )


def _get(path: str, summary: str, **more: Any) -> Route:
    return Route(method="GET", path=path, kind="query", summary=summary, scope=SCOPE, **more)


_STAGES = _get(
    "/v1/loop/stages",
    "Show one cycle's numbers.",
    query=messages.WhichStages,
    reply=messages.Stages,
)
_HASH = _get(
    "/v1/loop/hash",
    "Show the hash over all cycles, and each cycle's own.",
    query=messages.WhichHash,
    reply=messages.Hash,
)
_EVENTS = _get(
    "/v1/loop/numbers/<name>/events",
    "List the events that made a number.",
    query=messages.WhichEvents,
    reply=messages.Events,
)
_NUMBERS = ((_STAGES, show_stages), (_HASH, show_hash), (_EVENTS, list_events))
