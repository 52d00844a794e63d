"""Let a world come to rest once nothing goes wrong any more."""

from datetime import datetime, timedelta

from chassis.testing.simulation.world import Trouble, World

MOST_ROUNDS = 500
PATIENCE = timedelta(minutes=5)  # of a user who gets no answer


def settle(world: World, horizon: timedelta) -> None:
    """Run everything until nothing is left to do before the horizon, and the clock with it.

    A world that never rests is in trouble.
    """
    end = world.clock.now() + horizon
    for _ in range(MOST_ROUNDS):
        if _work(world) or _ask(world) or _look(world) or world.operate():
            continue
        next_at = _next_at(world)
        if next_at is None or next_at > end:
            break
        world.clock.set(max(next_at, world.clock.now()))
    waiting = [name for name in world.commands if name not in world.done]
    if waiting or _work(world):
        detail = f"still at work after {MOST_ROUNDS} rounds; unanswered: {waiting}"
        world.troubles.append(Trouble(promise="everything comes to rest", detail=detail))


def _next_at(world: World) -> datetime | None:
    """Return when something may happen next: what is due, or a user who tries again."""
    due = world.due()
    if all(name in world.done for name in world.commands):
        return due
    patience = world.clock.now() + PATIENCE
    return patience if due is None else min(due, patience)


def _work(world: World) -> int:
    return sum(
        world.turn(name, role)
        for name, replica in world.replicas.items()
        if name.endswith("/0")
        for role in replica.roles
        if not role.startswith("look ") and world.busy(name, role)
    )


def _ask(world: World) -> int:
    """Ask what is not answered yet; return how much is answered now."""
    waiting = [command for name, command in world.commands.items() if name not in world.done]
    for command in waiting:
        world.ask(f"{command.service}/0", command.name)
    return sum(command.name in world.done for command in waiting)


def _look(world: World) -> int:
    """Compare with the producers' heads; return how much was pulled."""
    return sum(
        _look_twice(world, name, role)
        for name, replica in world.replicas.items()
        if name.endswith("/0")
        for role in replica.roles
        if role.startswith("look ") and world.busy(name, role)
    )


def _look_twice(world: World, name: str, role: str) -> int:
    """Look again if something is missing: the first look waits for messages on their way."""
    pulled = world.turn(name, role)
    missing = world.replica(name).worker.lag(role)
    return pulled + (world.turn(name, role) if missing else 0)
