"""A broker in memory: queues that may lose, double, delay and reorder what they carry."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.topology import SHARES, subscription_name
from chassis.wire import event_of, headers_of

Reach = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """One message as the broker keeps it."""

    headers: Mapping[str, Any]
    body: bytes

    @cached_property
    def event(self) -> Recorded:
        """What a consumer makes of it."""
        return event_of(self.headers, self.body)


@dataclass(slots=True)
class SimulatedQueue:
    """One queue: what waits in it, what a consumer holds, and what is late."""

    name: str
    ready: list[Carried] = field(default_factory=list)
    held: list[Carried] = field(default_factory=list)
    late: list[Carried] = field(default_factory=list)

    def arrive(self) -> None:
        """Let what was late come, behind what is there."""
        self.ready.extend(self.late)
        self.late.clear()


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """A message in a consumer's hands."""

    queue: SimulatedQueue
    carried: Carried
    reach: Reach
    acknowledged: Callable[[Carried], None]

    def ack(self) -> None:
        """Tell the broker that it may forget the message."""
        self.acknowledged(self.carried)
        self.reach("bus.acknowledge")
        self.queue.held.remove(self.carried)

    def give_back(self) -> None:
        """Go back to the front of the queue, unless it was acknowledged."""
        if self.carried in self.queue.held:
            self.queue.held.remove(self.carried)
            self.queue.ready.insert(0, self.carried)


class Bus:
    """Every service's exchange and every subscription's queues.

    ``taken`` is all that the broker ever confirmed or may have kept, by producer: what somebody
    would have who listens without a checkpoint.
    """

    def __init__(self, reach: Reach) -> None:
        self.away = False
        self.taken: dict[str, dict[tuple[int, bytes], Carried]] = defaultdict(dict)
        self._reach = reach
        self._queues: dict[str, list[list[SimulatedQueue]]] = defaultdict(list)
        self._by_name: dict[str, list[SimulatedQueue]] = {}

    def bind(self, consumer: str, source: str) -> None:
        """Declare the queues of one subscription."""
        name = subscription_name(consumer, source)
        queues = [SimulatedQueue(f"{name}.{share}") for share in range(SHARES)]
        self._by_name[name] = queues
        self._queues[source].append(queues)

    def route(self, source: str, event: Recorded) -> None:
        """Keep a message in every queue that is bound to its lane."""
        if self.away:
            raise Unavailable("simulated: the broker is away")
        carried = Carried(headers=headers_of(event, source), body=event.data)
        self.taken[source][event.position, event.chain] = carried
        for queues in self._queues[source]:
            queues[event.lane % SHARES].ready.append(carried)

    def queues(self, subscription: str | None = None) -> list[SimulatedQueue]:
        """Return the queues of one subscription, or all."""
        if subscription is not None:
            return self._by_name[subscription]
        return [queue for queues in self._by_name.values() for queue in queues]

    def waits(self, subscription: str) -> bool:
        """Whether a subscription has messages waiting."""
        return any(queue.ready for queue in self._by_name[subscription])

    def fetch(
        self, subscription: str, limit: int, acknowledged: Callable[[Carried], None]
    ) -> Iterator[Delivered]:
        """Hand the next messages of a subscription to a consumer; raises Unavailable."""
        if self.away:
            raise Unavailable("simulated: the broker is away")
        for queue in self.queues(subscription):
            wanted, queue.ready = queue.ready[:limit], queue.ready[limit:]
            queue.held.extend(wanted)
            limit -= len(wanted)
            for carried in wanted:
                yield Delivered(
                    queue=queue, carried=carried, reach=self._reach, acknowledged=acknowledged
                )


class SimulatedOutgoing:
    """A publisher's connection: what is sent arrives when it is settled, unless it breaks."""

    def __init__(self, bus: Bus, source: str, reach: Reach) -> None:
        self._bus = bus
        self._source = source
        self._reach = reach
        self._waiting: list[Recorded] = []

    def send(self, events: Sequence[Recorded]) -> None:
        """Hand events to the broker without waiting."""
        self._waiting.extend(events)

    @property
    def outdated(self) -> bool:
        """Whether credentials were renewed: there are none here."""
        return False

    def settle(self) -> None:
        """Wait until everything sent is confirmed; raises Unavailable."""
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self._reach("bus.send")
            self._bus.route(self._source, event)
        self._reach("bus.confirm")

    def close(self) -> None:
        """Forget what was not sent."""
        self._waiting.clear()


def tampered(carried: Carried) -> Carried:
    """Return a message as somebody would write it who does not have the chain."""
    return replace(carried, body=carried.body.replace(b"}", b" }", 1))
