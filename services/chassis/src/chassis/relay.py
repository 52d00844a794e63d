"""The plain process of one service: numbers, publishes and follows its log, or one half of that.

``python -m chassis.run relay commerce``; no eventlet here.
"""

import signal

from chassis import logs, ops_port, trust
from chassis.health import logs_continue
from chassis.isolation.checking import ensure_apart
from chassis.lags import relay_checks
from chassis.migrations import ensure_current
from chassis.roles import announce_readers, blueprint_of, relay_loops, storage_of
from chassis.settings import from_environment
from chassis.shutdown import leave_within, stays
from chassis.telemetry import setup


def publisher(package: str) -> None:
    """Run only what numbers and publishes the log."""
    main(package, follows=False)


def projector(package: str) -> None:
    """Run only what follows the log: read models, processes, timers, calls outside."""
    main(package, sends=False)


def workload(*, sends: bool, follows: bool) -> str:
    """Return what kind of process this is, for its telemetry."""
    if sends and follows:
        return "relay"
    return "publisher" if sends else "projector"


def main(package: str, *, sends: bool = True, follows: bool = True) -> None:
    """Run until SIGTERM, then finish what was begun and leave, whatever hangs by then.

    Raises:
        SettingsInvalid: only one half is asked for, and the log is a SQLite file.
    """
    settings = from_environment()
    logs.configure(settings)
    ensure_current(settings.database_url, package)
    ensure_apart(settings)
    trust.also(settings.http_ca)
    telemetry = setup.start(settings, workload(sends=sends, follows=follows))
    blueprint = blueprint_of(package)
    storage = storage_of(blueprint, settings)
    announce_readers(blueprint, storage)
    loops = relay_loops(blueprint, storage, settings, sends=sends, follows=follows)
    ops = ops_port.serve(
        settings,
        [
            stays(),
            *relay_checks(blueprint, storage, settings, sends=sends, follows=follows),
            logs_continue(loops.alarms),
        ],
        exposed=telemetry.exposed,
        alive=[loops.turning()],
    )

    def leave(*_: object) -> None:
        leave_within()
        loops.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    loops.start()
    ops.started = True
    while not loops.wait(ops_port.BEAT_SECONDS):
        ops.beat()
    loops.stop()
    telemetry.stop()
