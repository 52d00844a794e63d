"""What is played in a schedule, and what must be true of every game."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from chassis.context import Context
from chassis.storage import Storage
from chassis.testing.simulation.commands import Command, in_one_unit
from chassis.testing.simulation.invariants import STANDARD, Findings
from chassis.testing.simulation.lab import Lab
from chassis.testing.simulation.pingpong import schema
from chassis.testing.simulation.pingpong.ping import PING, RALLY, BallHit, RallyServed
from chassis.testing.simulation.pingpong.pong import PONG
from chassis.unit_of_work import UnitOfWork


def workload(random: Random) -> Sequence[Command]:
    """Return a rally or two, or some who practise at a wall."""
    return [
        _serve(number, torn=random.random() < 0.3)
        if random.random() < 0.3
        else _practise(number, random.randrange(2))
        for number in range(random.randint(1, 4))
    ]


def make() -> Lab:
    """Return the lab in which ping and pong play."""
    create = schema.create
    return Lab(
        [PING, PONG],
        workload,
        invariants=(*STANDARD, every_hit_counts_once, nets_come_down),
        schemas={"ping": create, "pong": create},
    )


def every_hit_counts_once(found: Findings) -> Iterator[str]:
    """Find counts of the handlers that differ from what happened, on both sides."""
    if found.broken_off:
        return
    happened = Counter(data["rally_id"] for _, data in found.happened("ping", "ball_hit"))
    for service, table in (
        ("ping", "hits"), ("pong", "hits"), ("pong", "returns"), ("ping", "returns")
    ):  # fmt: skip
        counted = dict(found.rows(service, f"SELECT rally_id, count FROM {table}"))  # noqa: S608
        if counted != happened:
            yield f"{table} of {service} are {counted}, but {dict(happened)} happened"


def nets_come_down(found: Findings) -> Iterator[str]:
    """Find nets that were put up and never taken down, on the way forth or back."""
    if not found.broken_off:
        for net, height in found.rows("ping", "SELECT net, height FROM nets WHERE height <> 0"):
            yield f"{net} is left at height {height}"


def _serve(number: int, *, torn: bool) -> Command:
    rally_id = f"{'torn' if torn else 'fair'}-{number}"

    def serve(work: UnitOfWork) -> None:
        served = RallyServed(rally_id=rally_id, net="net", torn=torn, served_at=work.now)
        work.execute(RALLY, rally_id, served)

    return Command(service="ping", name=f"serve {rally_id}", run=in_one_unit(serve))


def _practise(number: int, wall: int) -> Command:
    return Command(
        service="ping", name=f"practise {number} at wall-{wall}", run=partial(_hit_wall, wall)
    )


def _hit_wall(wall: int, storage: Storage, context: Context) -> None:
    """Hit a wall as a careful client does: look first, then write against what was seen."""
    stream, rally_id = f"wall-{wall}", f"wall-{wall}"
    with storage.read(context.tenant) as db:
        seen = len(storage.log(db).stream(context.tenant, stream))
    with storage.begin(context) as work:
        if not work.already_done:
            hit = BallHit(rally_id=rally_id, stroke=seen + 1)
            work.add(stream, [hit], expected_version=seen)
