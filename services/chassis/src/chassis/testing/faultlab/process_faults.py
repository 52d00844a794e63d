"""Faults of processes: killed, killed at a named point, paused, doubled, deposed."""

import time
from collections.abc import Callable

from sqlalchemy import text

from chassis import checkpoints
from chassis.publisher import NAME as PUBLISHER
from chassis.storage import log_on
from chassis.testing.faultlab.lab import Lab, Told
from chassis.testing.faultlab.place import SPARE
from chassis.testing.faultlab.queues import waiting
from chassis.testing.faultlab.running import Running
from chassis.testing.faultlab.schedule import Planned, chosen

REACH_SECONDS = 20.0
COME_BACK_SECONDS = 10.0
LOOK_SECONDS = 0.1
ENOUGH = 10
DELIVERY_SECONDS = 0.5
NOBODY_COMMITS = text("LOCK TABLE checkpoints IN SHARE MODE")
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"


def kill(lab: Lab, planned: Planned) -> Told:
    """Kill any process at whatever it does just now."""
    process = lab.site.processes[chosen(planned.pick, lab.site.names)]
    process.kill()
    return Told(f"killed {process.name}")


def crash(lab: Lab, planned: Planned) -> Told:
    """Let a process kill itself at a named point of its work."""
    name, point = chosen(planned.pick, lab.points())
    process = lab.site.processes[name]
    deaths = process.deaths
    process.again(CRASH_AT=f"{point}:{planned.nth}")
    reached = happened(lambda: process.deaths > deaths, REACH_SECONDS)
    if not reached:
        process.again()
    return Told(f"{name} {'died at' if reached else 'never came to'} {point}:{planned.nth}")


def lose_consumers(lab: Lab, planned: Planned) -> Told:
    """Kill every worker of a consumer while its commits wait; nothing may be acknowledged yet.

    The lab holds a lock that lets no checkpoint move, so messages are handled and not committed.
    What was not committed when the workers died must be in their queues again.
    """
    if not lab.readable:
        return Told("left out: no consumer has its checkpoints in its database")
    consumer, source = chosen(planned.pick, lab.readable)
    processes = [lab.site.processes[name] for name in lab.site.consuming(consumer)]
    workers = [process for process in processes if process.wanted]
    with lab.queues_untouched:
        with lab.site.places[consumer].database.begin() as db:
            db.execute(NOBODY_COMMITS)
            happened(lambda: len(uncommitted(lab, consumer, source)) > ENOUGH, REACH_SECONDS)
            time.sleep(DELIVERY_SECONDS)
            for worker in workers:
                worker.kill(for_good=True)
        missing = missing_in_queues(lab, consumer, source)
        for worker in workers:
            worker.start()
    told = [f"acknowledged before it was committed: {source} {at}" for at in sorted(missing)[:5]]
    return Told(f"killed every worker of {consumer} while its commits waited", told)


def missing_in_queues(lab: Lab, consumer: str, source: str) -> set[int]:
    """Return what is published, not committed, and in no queue either, after waiting a while."""
    missing: set[int] = set()

    def all_there() -> bool:
        wanted = uncommitted(lab, consumer, source)
        missing.clear()
        missing.update(wanted - waiting(lab.site.broker_uri, consumer, source))
        return not missing

    happened(all_there, COME_BACK_SECONDS)
    return missing


def uncommitted(lab: Lab, consumer: str, source: str) -> set[int]:
    """Return the positions that were published and that a dead consumer has not committed."""
    with lab.site.look(consumer) as look:
        known = checkpoints.load(look.db, f"{consumer}.on.{source}")
    with lab.site.look(source) as look:
        published = checkpoints.position(look.db, PUBLISHER)
        start = min((head.position for head in known.values()), default=0)
        found: set[int] = set()
        while page := log_on(look.db).after(start, limit=1000):
            start = page[-1].position
            found |= {
                event.position
                for event in page
                if event.lane not in known or event.position > known[event.lane].position
            }
    return {at for at in found if at <= published}


def pause(lab: Lab, planned: Planned) -> Told:
    """Stop a process's time, whatever it holds, and let it go on later."""
    process = lab.site.processes[chosen(planned.pick, lab.site.names)]
    process.pause()
    time.sleep(planned.seconds)
    process.resume()
    return Told(f"paused {process.name}")


def second(lab: Lab, planned: Planned) -> Told:
    """Let a second process of a role work beside the first until the round ends."""
    name = chosen(planned.pick, [name for name in lab.site.names if spare(lab, name)])
    start_spare(lab, name)
    return Told(f"a second {name}")


def depose(lab: Lab, planned: Planned) -> Told:
    """Pause a leader, take its database connections, let another lead, and wake the first."""
    leaders = [name for name in lab.site.leading if spare(lab, name)]
    leader = lab.site.processes[chosen(planned.pick, leaders)]
    start_spare(lab, leader.name)
    time.sleep(planned.seconds)  # it stands ready by then
    leader.pause()
    lab.site.databases.run(TERMINATE, leader.name)
    time.sleep(planned.seconds)
    leader.resume()
    return Told(f"deposed {leader.name}")


def spare(lab: Lab, name: str) -> Running | None:
    """Return the process that can stand beside another one, if one can."""
    return lab.site.processes.get(f"{name}.{SPARE}")


def start_spare(lab: Lab, name: str) -> None:
    """Start the process that can stand beside another one."""
    lab.site.processes[f"{name}.{SPARE}"].start()


def happened(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds; say whether it did in time."""
    deadline = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return held
