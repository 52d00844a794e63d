"""Three questions an orchestrator asks: started, ready, alive; only ready looks outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from chassis.broker import Broker
from chassis.database import Database

_BROKER_SECONDS = 2
BROKER = "broker answers"
LAG = "lag below limit"
# What HTTP needs neither to answer nor to take commands: the chart's probe of a worker excludes it.
NOT_FOR_TRAFFIC = (BROKER, LAG)


class UnknownCheck(Exception):
    """A check was to be left out that this process does not have; its names are the message."""


class NotReady(Exception):
    """Something this process depends on is not as it must be; says what, without secrets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One named condition of being ready.

    Args:
        name: What must hold, as an operator reads it.
        probe: Returns if it holds; raises otherwise.
    """

    name: str
    probe: Callable[[], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How one check went; ``problem`` is None where it holds."""

    name: str
    problem: str | None


def readiness(checks: Sequence[Check]) -> tuple[bool, list[Answer]]:
    """Run every check and say whether traffic may come."""
    report = [Answer(name=check.name, problem=_problem(check)) for check in checks]
    return all(answer.problem is None for answer in report), report


def without(checks: Sequence[Check], excluded: Sequence[str]) -> list[Check]:
    """Leave checks out by their names.

    Raises:
        UnknownCheck: there is none of such a name; a mistyped one would go on counting, or another
            would stop to count after it was renamed.
    """
    names = [check.name for check in checks]
    if unknown := sorted(set(excluded) - set(names)):
        raise UnknownCheck(f"unknown: {', '.join(unknown)}; there are: {', '.join(names)}")
    return [check for check in checks if check.name not in excluded]


def liveness() -> tuple[bool, list[Answer]]:
    """Say that the process can still answer.

    Never looks at broker or database: restarting every process does not bring them back.
    """
    return True, []


def database_answers(database: Database) -> Check:
    """Require that the database runs a statement."""

    def probe() -> None:
        with database.read() as db:
            db.execute(text("SELECT 1"))

    return Check(name="database answers", probe=probe)


def broker_answers(broker: Broker) -> Check:
    """Require that the broker takes a connection within two seconds."""

    def probe() -> None:
        broker.connected(connect_timeout=_BROKER_SECONDS).release()

    return Check(name=BROKER, probe=probe)


def lag_below(limit: int, lag: Callable[[], int]) -> Check:
    """Require that no more than ``limit`` events wait; ``lag`` counts them."""

    def probe() -> None:
        behind = lag()
        if behind > limit:
            raise NotReady(f"{behind} events behind, allowed are {limit}")

    return Check(name=LAG, probe=probe)


def logs_continue(alarms: Mapping[str, str]) -> Check:
    """Require that no subscription has stopped because its producer's log cannot be trusted.

    Args:
        alarms: The reason of each stopped subscription, by its name; filled as they stop.
    """

    def probe() -> None:
        if alarms:
            raise NotReady("; ".join(f"{name}: {alarms[name]}" for name in sorted(alarms)))

    return Check(name="logs continue", probe=probe)


def _problem(check: Check) -> str | None:
    try:
        check.probe()
    except NotReady as problem:
        return str(problem)
    except Exception as error:  # noqa: BLE001  # whatever a driver raises means: not ready
        # The message could quote an address with its password; the class says enough here.
        return f"failed: {type(error).__name__}"
    return None
