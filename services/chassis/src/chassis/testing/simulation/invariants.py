"""What must hold once a world has come to rest, whatever happened to it before."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from chassis import direct, log_verify
from chassis.clock import micros
from chassis.envelope import Recorded
from chassis.errors import Alarm
from chassis.testing.simulation.services import SimulatedService
from chassis.testing.simulation.world import World
from chassis.topology import source_of

Logs = Mapping[str, Sequence[Recorded]]
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")


class Findings:
    """What somebody who looks at a world at rest can see.

    Args:
        world: At rest.
        undisturbed: The outcome of the same commands without any fault; None while that
            itself is being found out.
    """

    def __init__(self, world: World, undisturbed: Any = None) -> None:
        self.world = world
        self.undisturbed = undisturbed
        self.logs: Logs = {name: world.log(service) for name, service in world.services.items()}

    def happened(self, service: str, *types: str) -> list[tuple[str, dict[str, Any]]]:
        """Return a service's events, of some types or all, as wire name and data."""
        return [
            (event.type, json.loads(event.data))
            for event in self.logs[service]
            if not types or event.type in types
        ]

    def rows(self, service: str, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds in a service's database."""
        return self.world.services[service].database.run(sql)

    @property
    def broken_off(self) -> bool:
        """Whether a log was forked or a reader stopped: then the services do not agree any more."""
        forked = any(service.forked for service in self.world.services.values())
        return forked or bool(self.world.alarms)

    def stopped(self, reader: str) -> bool:
        """Say whether a subscription stopped for good, with an alarm, in some process."""
        consumer, _, source = reader.partition(".on.")
        return any(
            source == of and name.startswith(f"{consumer}/") for name, of in self.world.alarms
        )


Invariant = Callable[[Findings], Iterator[str]]


def the_chain_verifies(found: Findings) -> Iterator[str]:
    """Find a log that is not whole: positions, versions, chains."""
    for name, log in found.logs.items():
        try:
            log_verify.check(log)
        except Alarm as alarm:
            yield f"{name}: {alarm}"


def everything_is_published(found: Findings) -> Iterator[str]:
    """Find events that the broker never took, or not as they were written."""
    for name, log in found.logs.items():
        taken = found.world.bus.taken[name]
        for event in log:
            carried = taken.get((event.position, event.chain))
            if carried is None or carried.body != event.data:
                yield f"{name} position {event.position} ({event.type}) never reached the broker"


def each_event_is_handled_once(found: Findings) -> Iterator[str]:
    """Find events without exactly one effect at each reader, and effects without an event."""
    for service, reader, log, seen in _readers(found):
        expected = Counter(
            (event.position, event.data)
            for event in log
            if event.type in service.handled.get(reader, ())
        )
        handled = Counter(seen)
        gone = found.stopped(reader)
        if not gone:
            yield from (f"{reader} lost position {at}" for at, _ in sorted(expected - handled))
        if not (gone and found.broken_off):
            extra = sorted(handled - expected)
            yield from (f"{reader} doubled or invented position {at}" for at, _ in extra)


def each_stream_is_in_order(found: Findings) -> Iterator[str]:
    """Find events seen before an earlier one of their stream, or lane if nothing was parked."""
    for service, reader, log, seen in _readers(found):
        if found.stopped(reader):
            continue
        at = {event.position: event for event in log}
        last: Counter[tuple[Any, ...]] = Counter()
        for position, _ in seen:
            event = at.get(position)
            if event is None:
                continue
            places: list[tuple[Any, ...]] = [(event.tenant, event.stream)]
            if reader not in service.stumbled:
                places.append((event.lane,))
            for place in places:
                if position < last[place]:
                    yield f"{reader} saw position {position} after {last[place]} of {place}"
                last[place] = position


def nothing_stays_parked(found: Findings) -> Iterator[str]:
    """Find what is still parked, though nothing fails any more."""
    for name in found.logs:
        parked = "SELECT subscription, position, error FROM parked ORDER BY 1, 2"
        for reader, position, error in found.rows(name, parked):
            yield f"{reader} has position {position} parked: {error}"


def timers_fire_once(found: Findings) -> Iterator[str]:
    """Find timers that fired twice, or are due and did not fire."""
    for name, service in found.world.services.items():
        fired = Counter(data for _, data in _timers(found, name))
        yield from (f"{name}: {timer} fired {n} times" for timer, n in fired.items() if n > 1)
        due = f"SELECT process, key, name FROM timers WHERE due_at <= {micros(service.clock.now())}"  # noqa: S608
        yield from (f"{name}: timer {timer} never fired" for timer in found.rows(name, due))


def gateways_call(found: Findings) -> Iterator[str]:
    """Find calls to the outside that were never made."""
    for name, service in found.world.services.items():
        for gateway in service.blueprint.gateways:
            made = {position for position, _ in service.called.get(gateway, ())}
            for event in found.logs[name]:
                if event.type in service.handled.get(gateway, ()) and event.position not in made:
                    yield f"{gateway} was never called for position {event.position}"


def read_models_equal_a_rebuild(found: Findings) -> Iterator[str]:
    """Find read models that differ from a fold of the log from its first event."""
    for name, service in found.world.services.items():
        storage = service.storage()
        for projection in (*service.blueprint.projections, *service.blueprint.inline):
            facts = [
                (storage.registry.decode(event, storage.keys), event)
                for event in found.logs[name]
                if projection.handles(storage.registry.kind(event.type).cls)
            ]
            with service.database.scratch() as db:
                live = _rows(db, projection.tables)
                for table in projection.tables:
                    direct.execute(db, f"DELETE FROM {table.name}")  # noqa: S608  # the blueprint's own
                projection.apply_all(facts, db)
                if _rows(db, projection.tables) != live:
                    yield f"{name}: {projection.name} differs from a rebuild"


def forks_raise_the_alarm(found: Findings) -> Iterator[str]:
    """Find readers that go on with a forked log, or stop without a fork."""
    for name, service in found.world.services.items():
        for source in service.methods:
            reader = f"{name}.on.{source}"
            forked = _left_the_log(found, name, reader, found.logs[source])
            if forked and not found.stopped(reader):
                yield f"{reader} follows a log that was forked, and does not stop"
            suspicious = found.world.services[source].forked or reader in found.world.tampered
            if found.stopped(reader) and not (forked or suspicious):
                yield f"{reader} stopped without a cause: {found.world.alarms}"


def processes_end_as_undisturbed(found: Findings) -> Iterator[str]:
    """Find processes that end otherwise than undisturbed; only their times may differ."""
    if found.undisturbed is None or found.broken_off:
        return
    ended = outcome(found)
    for key in sorted(ended.keys() | found.undisturbed.keys()):
        if ended.get(key) != found.undisturbed.get(key):
            yield f"{key} ends as {ended.get(key)}, undisturbed as {found.undisturbed.get(key)}"


MECHANISM: tuple[Invariant, ...] = (
    the_chain_verifies,
    everything_is_published,
    each_event_is_handled_once,
    each_stream_is_in_order,
    nothing_stays_parked,
    timers_fire_once,
    gateways_call,
    read_models_equal_a_rebuild,
    forks_raise_the_alarm,
)
STANDARD: tuple[Invariant, ...] = (*MECHANISM, processes_end_as_undisturbed)


def outcome(found: Findings) -> dict[str, Any]:
    """Return how every process ended, by service, process and key, without times."""
    return {
        f"{name} {data['process']} {data['key']}": _without_times(
            {"finished": data["finished"], "state": data["state"]}
        )
        for name in found.logs
        for _, data in found.happened(name, "process_advanced")
    }


def _without_times(state: Any) -> Any:
    return json.loads(_TIME.sub("(time)", json.dumps(state, sort_keys=True)))


def _readers(
    found: Findings,
) -> Iterator[tuple[SimulatedService, str, Sequence[Recorded], list[tuple[int, bytes]]]]:
    for name, service in found.world.services.items():
        effects: dict[str, list[tuple[int, bytes]]] = {reader: [] for reader in service.readers}
        sql = "SELECT reader, position, data FROM simulated_effects ORDER BY number"
        for reader, position, data in found.rows(name, sql):
            effects[reader].append((position, data))
        for reader, seen in effects.items():
            source = source_of(reader)
            yield service, reader, found.logs[name if source == "own" else source], seen


def _timers(found: Findings, service: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for kind, data in found.happened(service, "timer_fired"):
        yield kind, (data["process"], data["key"], data["name"], data["due_at"])


def _left_the_log(
    found: Findings, consumer: str, reader: str, log: Sequence[Recorded]
) -> list[int]:
    """Return the lanes in which a reader stands at an event that the log does not have."""
    places = f"SELECT lane, position, chain FROM checkpoints WHERE name = '{reader}'"  # noqa: S608
    there = {(event.position, event.chain) for event in log}
    return [
        lane
        for lane, position, chain in found.rows(consumer, places)
        if position and (position, bytes(chain)) not in there
    ]


def _rows(db: Connection, tables: Sequence[Table]) -> list[list[str]]:
    found = []
    for table in tables:
        rows = direct.tuples(db, f"SELECT * FROM {table.name}")  # noqa: S608  # the blueprint's own
        found.append(sorted(map(repr, rows)))
    return found


def check(found: Findings, invariants: Sequence[Invariant]) -> Iterator[tuple[str, str]]:
    """Yield what does not hold: the invariant's name, and how it is broken."""
    for invariant in invariants:
        for detail in invariant(found):
            yield invariant.__name__.replace("_", " "), detail
