"""Returns every ball once, and counts what came and what went."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from chassis import processes
from chassis.blueprint import Blueprint
from chassis.decider import Decider
from chassis.envelope import Envelope
from chassis.events import EventRegistry
from chassis.projections import Projection
from chassis.reactions import Received
from chassis.subscribe import subscribe
from chassis.testing.simulation.pingpong.schema import count, returns
from chassis.unit_of_work import UnitOfWork
from chassis.upstream import Upstream

registry = EventRegistry("pong")
processes.declare(registry)
upstream = Upstream()


@upstream.event("ping", "ball_hit")
@dataclass(frozen=True, kw_only=True, slots=True)
class BallHit:
    """A ball comes over the net."""

    rally_id: str
    stroke: int


@registry.event("ball_returned")
@dataclass(frozen=True, kw_only=True, slots=True)
class BallReturned:
    """A ball goes back over the net."""

    rally_id: str
    stroke: int


def decide(returned: int, ball: BallReturned) -> Sequence[BallReturned]:
    """Return a ball, unless it was returned."""
    return [ball] if ball.stroke > returned else []


PADDLE: Decider[int, BallReturned, BallReturned] = Decider(
    category="paddle", initial=0, decide=decide, evolve=lambda _, ball: ball.stroke
)
replies = Projection("replies", tables=(returns,))


@replies.on(BallReturned)
def count_return(event: BallReturned, _stored: Envelope, db: Connection) -> None:
    """Count a return."""
    count(db, "returns", event.rally_id)


class PongService:
    """What pong hears of ping."""

    name = "pong"

    @subscribe("ping", "ball_hit")
    def on_ball_hit(self, work: UnitOfWork, received: Received) -> None:
        """Count a hit and return the ball."""
        ball: BallHit = received.data
        count(work.db, "hits", ball.rally_id)
        back = BallReturned(rally_id=ball.rally_id, stroke=ball.stroke)
        work.execute(PADDLE, ball.rally_id, back)


PONG = Blueprint(
    name="pong",
    registry=registry,
    upstream=upstream,
    edge="chassis.testing.simulation.pingpong.pong:PongService",
    projections=(replies,),
)
