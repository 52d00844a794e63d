"""What users and the outside ask of services, at least once each, under lasting ids."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from chassis.context import Context, digest_of
from chassis.envelope import Recorded
from chassis.ids import derived_id
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.unit_of_work import UnitOfWork

TENANT = "acme"
Run = Callable[[Storage, Context], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One wish; asked again, under the same id, until the service has answered.

    Args:
        service: Whom it is asked of.
        name: Different for each command of one schedule; the id derives from it.
        run: Carries it out.  It may raise what a route may: a refusal is an answer.
        cause: The event that made the outside ask; its time and lineage go on from there.
    """

    service: str
    name: str
    run: Run
    cause: Recorded | None = None

    def context(self, storage: Storage) -> Context:
        """Return the context in which it runs now."""
        command_id = derived_id("simulation", self.service, self.name)
        cause = self.cause
        return Context(
            tenant=cause.tenant if cause else TENANT,
            actor="outside" if cause else "user:simulation",
            command_id=command_id,
            digest=digest_of(SECRET, self.name.encode()),
            correlation_id=cause.correlation_id if cause else command_id,
            causation_id=cause.id if cause else UUID(int=0),
            traceparent=None,
            now=storage.clock.now(),
        )


def in_one_unit(use_case: Callable[[UnitOfWork], object]) -> Run:
    """Return how a use case runs: in one unit of work, as a route runs it."""

    def run(storage: Storage, context: Context) -> None:
        with storage.begin(context) as work:
            use_case(work)

    return run
