"""Start any process of the system by its role: ``python -m chassis.run worker commerce``."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from chassis.errors import CannotStart

REFUSED, USAGE = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What a process can be.

    Args:
        does: What it does, for a person.
        module: Where its function is; ``{service}`` is replaced by the service's package.  It is
            imported only when the role is chosen: the worker's patches the standard library.
        function: Takes the service's package; runs until SIGTERM, or returns an exit code.
        options: It takes the words behind the service too.
        service: Whose process it is, if nobody says; ``SERVICE`` otherwise.
    """

    does: str
    module: str
    function: str = "main"
    options: bool = False
    service: str = ""


_PAGE = Role(does="take in the logs, serve the page", module="{service}.main", service="loop")
ROLES: Mapping[str, Role] = {
    "worker": Role(does="answer HTTP, take other services' events", module="chassis.worker"),
    "relay": Role(does="publisher and projector in one process", module="chassis.relay"),
    "publisher": Role(
        does="number and publish the log (PostgreSQL)", module="chassis.relay", function="publisher"
    ),
    "projector": Role(
        does="follow the log: read models, processes, timers, calls outside (PostgreSQL)",
        module="chassis.relay",
        function="projector",
    ),
    "migrate": Role(does="bring the databases to this schema", module="chassis.migrate_job"),
    "rewrap": Role(does="wrap the subjects' keys anew", module="chassis.rewrap_job"),
    "preflight": Role(
        does="check everything that a service needs, and change nothing",
        module="chassis.preflight.job",
        options=True,
    ),
    "topology": Role(
        does="make exchanges, queues, bindings, policies and rights on the broker",
        module="chassis.topology_job",
        options=True,
    ),
    "loop": _PAGE,
    "console": _PAGE,
}


def main(words: Sequence[str]) -> int:
    """Start what is asked for; returns the exit code."""
    chosen = ROLES.get(words[0]) if words else None
    if chosen is None:
        return _refused(f"{words[0]} is no role" if words else "which role?")
    named = [words[1]] if words[1:] and not words[1].startswith("-") else []
    service = next(iter(named), os.environ.get("SERVICE", chosen.service))
    options = words[1 + len(named) :]
    if not service:
        return _refused("which service? Name it, or set SERVICE")
    if options and not chosen.options:
        return _refused(f"{words[0]} takes no more than a service: {' '.join(options)}")
    try:
        return _started(chosen, service, options)
    except CannotStart as refused:
        sys.stderr.writelines(f"{words[0]} {service}: {reason}\n" for reason in refused.reasons)
        return REFUSED


def _started(role: Role, service: str, options: Sequence[str]) -> int:
    function = getattr(import_module(role.module.format(service=service)), role.function)
    return (function(service, options) if role.options else function(service)) or 0


def usage() -> str:
    """Return what one may ask for."""
    roles = "\n".join(f"  {name:10} {role.does}" for name, role in ROLES.items())
    return f"python -m chassis.run ROLE [SERVICE]\n\n{roles}\n"


def _refused(reason: str) -> int:
    sys.stderr.write(f"{reason}\n\n{usage()}")
    return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
