"""What one kind of process is: how it is started, and what a fault may do with it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """One kind of process of a service.

    Args:
        runs: The role of ``chassis.run`` that is started, with the service's name behind it.
        serves: It answers HTTP at ``HTTP_PORT``: health, commands, the service's feed.
        consumes: It takes other services' events from the bus.
        leads: It carries the service's log to the bus; of several, one does.
        alone: It keeps its checkpoints in a file that no second process may open: it has no
            spare, and how far it has come is asked of it, not read in its database.
    """

    runs: str
    serves: bool = False
    consumes: bool = False
    leads: bool = False
    alone: bool = False


ROLES: Mapping[str, Role] = {
    "worker": Role(runs="worker", serves=True, consumes=True),
    "relay": Role(runs="relay", leads=True),
}
