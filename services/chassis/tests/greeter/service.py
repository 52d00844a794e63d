"""The producer's edge: one command."""

from dataclasses import dataclass

from bus_service import Greeted
from chassis.entrypoints import command
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.unit_of_work import UnitOfWork


@dataclass(frozen=True, kw_only=True, slots=True)
class Greeting:
    """What is said."""

    number: int


class GreeterService(ServiceEdge):
    """Takes greetings."""

    name = "greeter"

    @command("/v1/greetings/<stream>", scope="greet", body=Greeting)
    def greet(self, work: UnitOfWork, call: Call[Greeting]) -> Reply:
        """Say hello."""
        stream = call.path["stream"]
        version = len(work.log.stream(work.tenant, stream))
        work.add(stream, [Greeted(number=call.body.number)], expected_version=version)
        return Reply(body={"version": version + 1})
