"""Faults of the bus: cut, held and slow connections; events twice, late, out of order; poison."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import amqp

from chassis.testing.faultlab.lab import Lab, Told
from chassis.testing.faultlab.proxy import Proxy
from chassis.testing.faultlab.queues import hold_back
from chassis.testing.faultlab.schedule import Planned, chosen, drawn
from chassis.testing.faultlab.witness import connected

SOME = 60
SLOW_SECONDS = 0.05


def cut_publishing(lab: Lab, planned: Planned) -> Told:
    """Cut a relay's connection to the broker while messages are in the pipe, which are lost."""
    name = chosen(planned.pick, lab.site.leading)
    proxy = lab.site.proxies[name]
    proxy.hold(both=False)
    time.sleep(planned.seconds / 2)
    proxy.cut()
    proxy.heal()
    return Told(f"cut {name} from the broker mid-publish")


def cut(lab: Lab, planned: Planned) -> Told:
    """Cut any process from the broker and refuse it for a while."""
    name, proxy = _any(lab, planned)
    proxy.refusing = True
    proxy.cut()
    time.sleep(planned.seconds)
    proxy.heal()
    return Told(f"cut {name} from the broker")


def stall(lab: Lab, planned: Planned) -> Told:
    """Let nothing through between a process and the broker, then everything at once."""
    name, proxy = _any(lab, planned)
    proxy.hold()
    time.sleep(planned.seconds)
    proxy.heal()
    return Told(f"stalled {name}'s connection")


def slow(lab: Lab, planned: Planned) -> Told:
    """Delay everything between a process and the broker."""
    name, proxy = _any(lab, planned)
    proxy.delay = SLOW_SECONDS
    time.sleep(planned.seconds)
    proxy.heal()
    return Told(f"slowed {name}'s connection")


def duplicate(lab: Lab, planned: Planned) -> Told:
    """Publish the last events again, out of order, and some of the first."""
    service = _publishing(lab, planned)
    known = sorted(lab.site.witnesses[service].seen)
    again = known[-SOME:] + known[:SOME]
    drawn(planned.pick).shuffle(again)
    with _while_it_is_there():
        lab.site.witnesses[service].publish_again(again)
    return Told(f"published {len(again)} events of {service} again, out of order")


def delay(lab: Lab, planned: Planned) -> Told:
    """Hold back what piled up for a consumer, let later messages pass, then bring it shuffled."""
    consumer, source = chosen(planned.pick, lab.subscriptions)
    held = 0
    with lab.queues_untouched, _while_it_is_there(), connected(lab.site.broker_uri) as broker:
        channel = broker.channel()
        with _away(lab, consumer):
            time.sleep(planned.seconds)
            taken = hold_back(channel, consumer, source, SOME)
        time.sleep(planned.seconds)
        drawn(planned.pick).shuffle(taken)
        for queue, message in taken:
            channel.basic_publish(message, "", queue)
            channel.basic_ack(message.delivery_tag)
            held += 1
    return Told(f"held back {held} messages for {consumer} and brought them out of order")


def reorder(lab: Lab, planned: Planned) -> Told:
    """Give back to the broker what piled up for a consumer, unhandled and shuffled, twice."""
    consumer, source = chosen(planned.pick, lab.subscriptions)
    given = 0
    with (
        lab.queues_untouched,
        _while_it_is_there(),
        connected(lab.site.broker_uri) as broker,
        _away(lab, consumer),
    ):
        channel = broker.channel()
        for turn in range(2):
            time.sleep(planned.seconds / 2)
            taken = hold_back(channel, consumer, source, SOME)
            drawn(planned.pick, turn).shuffle(taken)
            for _, message in taken:
                channel.basic_reject(message.delivery_tag, requeue=True)
                given += 1
    return Told(f"gave {given} messages for {consumer} back to the broker")


@contextmanager
def _away(lab: Lab, consumer: str) -> Iterator[None]:
    """Keep a consumer's workers from the broker, so that messages pile up in its queues."""
    proxies = [lab.site.proxies[name] for name in lab.site.consuming(consumer)]
    for proxy in proxies:
        proxy.refusing = True
        proxy.cut()
    try:
        yield
    finally:
        for proxy in proxies:
            proxy.heal()


def poison(lab: Lab, planned: Planned) -> Told:
    """Break a handler for a while; mend it; try again what is parked, as an operator would."""
    breaks = lab.site.subject.poison
    if breaks is None:
        return Told("left out: the subject has no poison")
    breaks(lab.site.folder, True)  # noqa: FBT003  # broken, then not
    time.sleep(planned.seconds)
    breaks(lab.site.folder, False)  # noqa: FBT003  # as above
    lab.mended.set()
    return Told("broke a handler and mended it")


def _any(lab: Lab, planned: Planned) -> tuple[str, Proxy]:
    name = chosen(planned.pick, lab.site.names)
    return name, lab.site.proxies[name]


def _publishing(lab: Lab, planned: Planned) -> str:
    found = [name for name, witness in lab.site.witnesses.items() if witness.seen]
    return chosen(planned.pick, sorted(found))


def _while_it_is_there() -> suppress:
    """Another fault may take the broker away meanwhile."""
    return suppress(OSError, amqp.AMQPError)
