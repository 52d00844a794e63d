"""The processes of one service in the simulation; they forget everything when they crash."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from chassis.consumer import Taken, take
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.feed import LocalFeed
from chassis.ids import LANES
from chassis.inbox import Feed, Inbox
from chassis.log import LaneHead
from chassis.outgoing import Outgoing
from chassis.publisher import Publisher
from chassis.roles import followers_of
from chassis.subscribe import Subscription, handlers_of, serving
from chassis.testing.simulation.bus import Bus, Carried, SimulatedOutgoing
from chassis.testing.simulation.points import Broken, Points
from chassis.testing.simulation.services import SimulatedService
from chassis.timers import fire_due
from chassis.topology import subscription_name

Role = Callable[[], int]


class SimulatedFeed:
    """A producer's feed, when it answers."""

    def __init__(self, producer: SimulatedService, reach: Callable[[str], None]) -> None:
        self.producer = producer
        self._reach = reach
        self._log = LocalFeed(producer.database.read, producer.name)

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events; raises Unavailable."""
        self._answers()
        heads = self._log.heads()
        self._reach("feed.answered")
        return heads

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of a lane; raises ForkedLog, Unavailable."""
        self._answers()
        page = self._log.lane_after(lane, after, limit=limit)
        self._reach("feed.answered")
        return page

    def _answers(self) -> None:
        self._reach("feed.asked")
        if self.producer.feed_away:
            raise Unavailable("simulated: the feed is away")


class Relay:
    """The process that publishes and follows one service's log."""

    def __init__(self, service: SimulatedService, bus: Bus, points: Points) -> None:
        storage = service.storage()
        connect: Callable[[], Outgoing] = partial(SimulatedOutgoing, bus, service.name, points)
        self._publisher = Publisher(service.name, service.database, connect)
        followers = followers_of(
            service.blueprint, storage, delivery=service.delivery, gateway=service.gateway
        )
        self.roles: Mapping[str, Role] = {
            "publisher": self._publisher.step,
            "timers": partial(fire_due, storage),
            **{follower.name: follower.step for follower in followers},
        }

    def pause(self) -> None:
        """Give back what a failed step held."""
        self._publisher.close()


class Worker:
    """The process that takes commands and other services' events."""

    def __init__(
        self,
        service: SimulatedService,
        bus: Bus,
        feeds: Mapping[str, SimulatedFeed],
        points: Points,
    ) -> None:
        self.storage = service.storage()
        self._service = service
        self._bus = bus
        self._points = points
        self.roles: dict[str, Role] = {}
        self._looking: dict[str, Inbox] = {}
        for source, methods in service.methods.items():
            inbox = self._inbox(source, methods, feeds[source])
            self.roles[f"consume {source}"] = partial(self._consume, inbox, feeds[source].producer)
            self.roles[f"look {source}"] = inbox.check_heads
            self._looking[f"look {source}"] = inbox
            self.roles[f"retry {source}"] = inbox.retry_due

    def pause(self) -> None:
        """Give back nothing: messages went back with the failed batch."""

    def lag(self, role: str) -> int:
        """Return about how many events were missing when a role looked last."""
        return self._looking[role].lag

    def _inbox(self, source: str, methods: Sequence[Subscription], feed: Feed) -> Inbox:
        service = self._service
        name = subscription_name(service.name, source)
        upstream = service.blueprint.upstream
        handlers = handlers_of(self.storage, upstream, name, source, methods)
        around = partial(serving, service.edge)
        delivery = service.delivery(name, service.database, handlers, around=around)
        return Inbox(delivery, service.database, feed, lanes=range(LANES))

    def _consume(self, inbox: Inbox, producer: SimulatedService) -> int:
        seen = partial(self._acknowledged, inbox.name, producer)
        batch = list(self._bus.fetch(inbox.name, limit=100, acknowledged=seen))
        taken = [Taken(message=one, event=one.carried.event) for one in batch]
        try:
            if taken:
                take(inbox, taken)
        finally:
            for one in reversed(batch):
                one.give_back()
        return len(batch)

    def _acknowledged(
        self, subscription: str, producer: SimulatedService, carried: Carried
    ) -> None:
        """Assert what an acknowledgement promises: the event needs no message any more."""
        event = carried.event
        at = self._service.database.run(
            "SELECT max(position) FROM checkpoints WHERE name = ? AND lane = ?",
            (subscription, event.lane),
        )[0][0]
        # What a restore took out of the producer's log is no event any more.
        if (at or 0) < event.position and producer.has(event):
            raise Broken(
                "what is acknowledged is committed",
                f"{subscription} acknowledged position {event.position} of lane {event.lane}, "
                f"but is at {at or 0}",
            )
