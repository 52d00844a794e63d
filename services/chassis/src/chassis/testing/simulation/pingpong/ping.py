"""Serves: a rally is a process with timers and a way back; a wall is hit by whoever comes first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import Connection

from chassis import direct, processes
from chassis.blueprint import Blueprint
from chassis.decider import Decider
from chassis.envelope import Envelope
from chassis.errors import Rejected
from chassis.events import EventRegistry
from chassis.processes import Process, Reaction, Refused, Step, Timer
from chassis.projections import Projection
from chassis.reactions import Received
from chassis.subscribe import subscribe
from chassis.testing.simulation.pingpong.schema import count, hits, nets
from chassis.timers import TimerFired
from chassis.unit_of_work import UnitOfWork
from chassis.upstream import Upstream

WARM_UP, PATIENCE = timedelta(minutes=1), timedelta(minutes=30)
registry = EventRegistry("ping")
processes.declare(registry)
upstream = Upstream()


@registry.event("rally_served")
@dataclass(frozen=True, kw_only=True, slots=True)
class RallyServed:
    """Somebody wants to play; with a torn net it comes to nothing."""

    rally_id: str
    net: str
    torn: bool
    served_at: datetime


@registry.event("net_raised")
@dataclass(frozen=True, kw_only=True, slots=True)
class NetRaised:
    """A net stands for one rally more."""

    net: str


@registry.event("net_lowered")
@dataclass(frozen=True, kw_only=True, slots=True)
class NetLowered:
    """A net stands for one rally less."""

    net: str


@registry.event("ball_hit")
@dataclass(frozen=True, kw_only=True, slots=True)
class BallHit:
    """The ball is on its way to the other side."""

    rally_id: str
    stroke: int


@registry.event("return_taken")
@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnTaken:
    """The ball came back."""

    rally_id: str
    stroke: int


@registry.event("rally_ended")
@dataclass(frozen=True, kw_only=True, slots=True)
class RallyEnded:
    """Nobody plays any more."""

    rally_id: str
    outcome: str


@upstream.event("pong", "ball_returned")
@dataclass(frozen=True, kw_only=True, slots=True)
class BallReturned:
    """The other side hit the ball."""

    rally_id: str
    stroke: int


class NetTorn(Rejected):
    """One cannot play over a torn net."""

    code = "net_torn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rally:
    """What the rules of a rally need to know."""

    hits: int = 0
    taken: int = 0
    ended: bool = False


RallyEvent = RallyServed | BallHit | ReturnTaken | RallyEnded


def decide(rally: Rally, command: RallyEvent) -> Sequence[RallyEvent]:
    """Take the fact that is asked for, unless it is one already."""
    match command:
        case RallyServed():
            return [command]
        case BallHit():
            return [command] if command.stroke > rally.hits else []
        case ReturnTaken():
            return [command] if command.stroke > rally.taken else []
        case RallyEnded():
            return [] if rally.ended else [command]
        case _:
            assert_never(command)


def evolve(rally: Rally, event: RallyEvent) -> Rally:
    """Apply one fact."""
    match event:
        case RallyServed():
            return rally
        case BallHit():
            return replace(rally, hits=event.stroke)
        case ReturnTaken():
            return replace(rally, taken=event.stroke)
        case RallyEnded():
            return replace(rally, ended=True)
        case _:
            assert_never(event)


RALLY = Decider(category="rally", initial=Rally(), decide=decide, evolve=evolve)


def _decide_net(_height: int, command: NetRaised | NetLowered | str) -> Sequence[Any]:
    if isinstance(command, str):
        raise NetTorn(command)
    return [command]


def _evolve_net(height: int, event: NetRaised | NetLowered) -> int:
    return height + (1 if isinstance(event, NetRaised) else -1)


NET: Decider[int, Any, Any] = Decider(
    category="net", initial=0, decide=_decide_net, evolve=_evolve_net
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Umpire:
    """What the umpire of one rally knows."""

    rally_id: str = ""
    net: str = ""
    phase: str = "new"


def react(state: Umpire, trigger: Any) -> Reaction[Umpire]:
    """Say what a rally needs next."""
    match trigger:
        case RallyServed():
            return _on_served(state, trigger)
        case TimerFired():
            return _on_timer(state, trigger)
        case ReturnTaken():
            won = replace(state, phase="won")
            off = Timer(name="patience", due_at=None)
            return Reaction(state=won, steps=_end(won), timers=[off], finished=True)
        case Refused():
            called_off = replace(state, phase="called_off")
            return Reaction(state=called_off, steps=_end(called_off), finished=True)
        case _:
            return Reaction(state=state)


def _on_served(state: Umpire, served: RallyServed) -> Reaction[Umpire]:
    known = replace(state, rally_id=served.rally_id, net=served.net, phase="warming_up")
    raised = [
        Step(name="raise", decider=NET, entity_id=served.net, command=NetRaised(net=served.net))
    ]
    if served.torn:
        torn = Step(name="check", decider=NET, entity_id=served.net, command="torn")
        return Reaction(state=known, steps=[*raised, torn])
    timer = Timer(name="warm_up", due_at=served.served_at + WARM_UP)
    return Reaction(state=known, steps=raised, timers=[timer])


def _on_timer(state: Umpire, fired: TimerFired) -> Reaction[Umpire]:
    if fired.name == "patience":
        return Reaction(state=state, steps=[_hit(state)], finished=state.phase == "won")
    again = Timer(name="patience", due_at=fired.due_at + PATIENCE)
    return Reaction(state=replace(state, phase="playing"), steps=[_hit(state)], timers=[again])


def _hit(state: Umpire) -> Step:
    hit = BallHit(rally_id=state.rally_id, stroke=1)
    return Step(name="hit", decider=RALLY, entity_id=state.rally_id, command=hit)


def _end(state: Umpire) -> Sequence[Step]:
    ended = RallyEnded(rally_id=state.rally_id, outcome=state.phase)
    lowered = NetLowered(net=state.net)
    return [
        Step(name="lower", decider=NET, entity_id=state.net, command=lowered),
        Step(name="end", decider=RALLY, entity_id=state.rally_id, command=ended),
    ]


UMPIRE: Process[Umpire] = Process(
    name="umpire",
    initial=Umpire(),
    triggers=(RallyServed, ReturnTaken),
    key_of=lambda trigger: str(trigger.rally_id),
    react=react,
)
strokes = Projection("strokes", tables=(hits,))
heights = Projection("heights", tables=(nets,))


@strokes.on(BallHit)
def count_hit(event: BallHit, _stored: Envelope, db: Connection) -> None:
    """Count a hit."""
    count(db, "hits", event.rally_id)


@heights.on(NetRaised)
def raise_net(event: NetRaised, _stored: Envelope, db: Connection) -> None:
    """Note, with the event itself, that a net is higher."""
    _move_net(db, event.net, 1)


@heights.on(NetLowered)
def lower_net(event: NetLowered, _stored: Envelope, db: Connection) -> None:
    """Note, with the event itself, that a net is lower."""
    _move_net(db, event.net, -1)


def _move_net(db: Connection, net: str, by: int) -> None:
    direct.execute(
        db,
        "INSERT INTO nets (net, height) VALUES (:net, :by) "
        "ON CONFLICT (net) DO UPDATE SET height = height + excluded.height",
        {"net": net, "by": by},
    )


class PingService:
    """What ping hears of pong."""

    name = "ping"

    @subscribe("pong", "ball_returned")
    def on_ball_returned(self, work: UnitOfWork, received: Received) -> None:
        """Count a return; in a rally, take it."""
        ball: BallReturned = received.data
        count(work.db, "returns", ball.rally_id)
        if not ball.rally_id.startswith("wall"):
            taken = ReturnTaken(rally_id=ball.rally_id, stroke=ball.stroke)
            work.execute(RALLY, ball.rally_id, taken)


PING = Blueprint(
    name="ping",
    registry=registry,
    upstream=upstream,
    edge="chassis.testing.simulation.pingpong.ping:PingService",
    inline=(heights,),
    projections=(strokes,),
    processes=(UMPIRE,),
    gateways={"scoreboard": lambda _: {"rally_ended": print}},  # the lab replaces the call
)
