"""Faults of servers, disks and clocks."""

import time
from datetime import timedelta

from chassis.testing.contexts import NOW
from chassis.testing.faultlab.lab import Lab, Told
from chassis.testing.faultlab.schedule import Planned, chosen, drawn

SKEWS = (-timedelta(days=1), -timedelta(minutes=1), timedelta(minutes=1), timedelta(days=1))
BACKENDS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname LIKE 'faultlab%%'"
)
NO_ROOM, ROOM = "1000000GB", "50MB"


def broker_restart(lab: Lab, planned: Planned) -> Told:
    """Stop the broker, in order or by kill, and start it again."""
    broker = lab.site.rabbitmq
    if planned.pick < 0.5:
        broker.stop()
        how = "stopped"
    else:
        broker.kill()
        how = "killed"
    broker.start()
    return Told(f"{how} the broker and started it")


def broker_disk_full(lab: Lab, planned: Planned) -> Told:
    """Let the broker believe that its disk is full: its disk alarm blocks who publishes."""
    lab.site.rabbitmq.control("set_disk_free_limit", NO_ROOM)
    time.sleep(planned.seconds)
    lab.site.rabbitmq.control("set_disk_free_limit", ROOM)
    return Told("the broker's disk was full (its disk alarm)")


def database_restart(lab: Lab, planned: Planned) -> Told:
    """Stop the database server, in order or by kill, and start it again."""
    server = lab.site.postgresql
    if planned.pick < 0.5:
        server.stop()
        how = "stopped"
    else:
        server.kill()
        how = "killed"
    server.start()
    return Told(f"{how} PostgreSQL and started it")


def backends_killed(lab: Lab, planned: Planned) -> Told:
    """End every connection to the services' databases, twice."""
    lab.site.databases.run(BACKENDS)
    time.sleep(planned.seconds / 4)
    lab.site.databases.run(BACKENDS)
    return Told("ended every database connection, twice")


def database_full(lab: Lab, planned: Planned) -> Told:
    """Fill the disk under the databases."""
    if not lab.site.databases.disk.there:
        return Told("left out: this user may not mount a small disk; see broker_disk_full")
    lab.site.databases.disk.fill()
    time.sleep(planned.seconds)
    lab.site.databases.disk.free()
    return Told("the disk of the databases was full (a small tmpfs)")


def clock_skew(lab: Lab, planned: Planned) -> Told:
    """Let one service's clock go wrong for a while."""
    service = chosen(planned.pick, sorted(lab.site.places))
    skew = drawn(planned.pick).choice(SKEWS)
    lab.site.places[service].clock.set(NOW + skew)
    time.sleep(planned.seconds)
    return Told(f"{service}'s clock was off by {skew.total_seconds():.0f} s")
