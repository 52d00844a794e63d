"""Deliberately broken builds: a process of a service with one guarantee taken out at its start.

``python -m chassis.testing.faultlab.broken drop_confirm chassis.run relay greeter``.  They show
that the lab would notice; nothing outside the test kit knows of them.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from chassis.testing.faultlab.points import run_as

HESITATION = 0.05


def drop_confirm() -> None:
    """Take messages for confirmed that the broker has not confirmed."""
    from chassis.outgoing import AmqpOutgoing  # noqa: PLC0415  # after eventlet's patch, as below

    def settle(_: object) -> None:
        """Wait for nobody."""

    outgoing: Any = AmqpOutgoing
    outgoing.settle = settle


def skip_version_check() -> None:
    """Append whatever the stream has become since the command was decided."""
    from chassis.log_postgresql import PostgresqlLog  # noqa: PLC0415

    checked = PostgresqlLog.append

    def append(self: Any, context: Any, appends: Any, **more: Any) -> Any:
        time.sleep(HESITATION)  # time enough for the other one to write first
        moved = [
            replace(one, expected_version=len(self.stream(context.tenant, one.stream)))
            for one in appends
        ]
        return checked(self, context, moved, **more)

    PostgresqlLog.append = append  # type: ignore[method-assign]  # that is the point


def acknowledge_early() -> None:
    """Acknowledge a message when it comes, before anything of it is committed."""
    from amqp import Channel  # noqa: PLC0415
    from kombu.message import Message  # noqa: PLC0415

    kind, channel = cast("tuple[Any, Any]", (Message, Channel))
    received, acknowledge = kind.__init__, channel.basic_ack

    def receive(self: Any, *arguments: Any, **more: Any) -> None:
        received(self, *arguments, **more)
        acknowledge(self.channel, self.delivery_tag)

    kind.__init__ = receive
    channel.basic_ack = lambda *_arguments, **_more: None


BREAKAGES: Mapping[str, Callable[[], None]] = {
    "drop_confirm": drop_confirm,
    "skip_version_check": skip_version_check,
    "acknowledge_early": acknowledge_early,
}

if __name__ == "__main__":
    run_as(sys.argv[2], sys.argv[3:], BREAKAGES[sys.argv[1]])
