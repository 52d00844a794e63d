"""The plain process of one service: numbers, publishes and follows its log.

``python -m chassis.relay commerce``; no eventlet here.
"""

import signal
import sys

from chassis import logs, ops_port
from chassis.health import logs_continue
from chassis.lags import relay_checks
from chassis.migrations import ensure_current
from chassis.roles import announce_readers, blueprint_of, relay_loops, storage_of
from chassis.settings import from_environment
from chassis.shutdown import leave_within
from chassis.telemetry import setup


def main(package: str) -> None:
    """Run until SIGTERM, then finish what was begun and leave, whatever hangs by then."""
    settings = from_environment()
    logs.configure(settings)
    ensure_current(settings.database_url, package)
    telemetry = setup.start(settings, "relay")
    blueprint = blueprint_of(package)
    storage = storage_of(blueprint, settings)
    announce_readers(blueprint, storage)
    loops = relay_loops(blueprint, storage, settings)
    ops = ops_port.serve(
        settings,
        [*relay_checks(blueprint, storage, settings), logs_continue(loops.alarms)],
        metrics=telemetry.exposed,
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


if __name__ == "__main__":
    main(sys.argv[1])
