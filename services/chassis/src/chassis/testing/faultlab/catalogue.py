"""Every fault that the lab knows, by name."""

from collections.abc import Callable, Mapping

from chassis.testing.faultlab import bus_faults, process_faults, server_faults
from chassis.testing.faultlab.lab import Lab, Told
from chassis.testing.faultlab.schedule import Planned

Fault = Callable[[Lab, Planned], Told]

FAULTS: Mapping[str, Fault] = {
    "kill": process_faults.kill,
    "crash": process_faults.crash,
    "lose_consumers": process_faults.lose_consumers,
    "pause": process_faults.pause,
    "second": process_faults.second,
    "depose": process_faults.depose,
    "broker_restart": server_faults.broker_restart,
    "broker_disk_full": server_faults.broker_disk_full,
    "database_restart": server_faults.database_restart,
    "backends_killed": server_faults.backends_killed,
    "database_full": server_faults.database_full,
    "clock_skew": server_faults.clock_skew,
    "cut_publishing": bus_faults.cut_publishing,
    "cut": bus_faults.cut,
    "stall": bus_faults.stall,
    "slow": bus_faults.slow,
    "duplicate": bus_faults.duplicate,
    "delay": bus_faults.delay,
    "reorder": bus_faults.reorder,
    "poison": bus_faults.poison,
}
