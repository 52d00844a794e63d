"""Names and declarations on the broker: exchanges, ordered queues, lanes."""

from http import HTTPStatus
from typing import Any

import amqp
from kombu.connection import Connection
from kombu.entity import Exchange, Queue, binding

from chassis.ids import LANES

SHARES = 4  # queues of one ordered subscription; fixed at installation


def event_exchange(service: str) -> Exchange:
    """Return the topic exchange of a service, declared as plain nameko declares it."""
    return Exchange(f"{service}.events", type="topic", durable=True)


def lane_key(lane: int) -> str:
    """Return the routing key that carries a whole lane.

    >>> lane_key(7)
    'lane.07'
    """
    return f"lane.{lane:02d}"


def subscription_name(consumer: str, source: str) -> str:
    """Return the name of a subscription, its checkpoints and its parked events."""
    return f"{consumer}.on.{source}"


def source_of(reader: str) -> str:
    """Return whose events a reader takes: another service's, or ``own``.

    >>> source_of("commerce.on.identity"), source_of("order_fulfilment")
    ('identity', 'own')
    """
    return reader.partition(".on.")[2] or "own"


def lanes_of(share: int) -> list[int]:
    """Return the lanes that a subscription's n-th queue carries.

    >>> lanes_of(1)
    [1, 5, 9, 13]
    """
    return [lane for lane in range(LANES) if lane % SHARES == share]


def ordered_queue(consumer: str, source: str, share: int) -> Queue:
    """Return one of the quorum queues of an ordered subscription.

    Only the queue's type is an argument: arguments can never be changed, limits come by policy.
    """
    exchange = event_exchange(source)
    return Queue(
        f"{subscription_name(consumer, source)}.{share}",
        bindings=[binding(exchange, routing_key=lane_key(lane)) for lane in lanes_of(share)],
        durable=True,
        queue_arguments={"x-queue-type": "quorum"},
    )


def ensure_exchange(broker: Connection, service: str) -> Any:
    """Return a channel on which a service's exchange is there; made only where it is missing.

    Only making it needs a right that a service does not have where ``topology`` has run.
    """
    exchange, channel = event_exchange(service), broker.channel()
    try:
        exchange(channel).declare(passive=True)
    except amqp.ChannelError as error:  # which ends the channel
        _is_missing(error)
        channel = broker.channel()
        exchange(channel).declare()
    return channel


def ensure_queue(broker: Connection, queue: Queue) -> Any:
    """Return a channel on which a queue is there; made and bound only where it is missing."""
    channel = broker.channel()
    try:
        queue(channel).queue_declare(passive=True)
    except amqp.ChannelError as error:
        _is_missing(error)
        channel = broker.channel()
        queue(channel).declare()
    return channel


def _is_missing(error: amqp.ChannelError) -> None:
    if int(error.reply_code or 0) != HTTPStatus.NOT_FOUND:
        raise error


def ordered_queues(consumer: str, source: str) -> list[Queue]:
    """Return every queue of an ordered subscription."""
    return [ordered_queue(consumer, source, share) for share in range(SHARES)]
