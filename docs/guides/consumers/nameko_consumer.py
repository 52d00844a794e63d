"""Somebody's own nameko service: prints every order that is placed.  See ../consumers.md."""

import eventlet

eventlet.monkey_patch()

import os
from typing import Any

from nameko.containers import ServiceContainer
from nameko.contextdata import ContextDataProvider
from nameko.events import event_handler


class EventId(ContextDataProvider):
    """The event's id; the same event may arrive twice, its id does not change."""

    context_key = "ce-id"


class Tenant(ContextDataProvider):
    """Whose order it is."""

    context_key = "tenant"


class PackingService:
    """Packs what was ordered."""

    name = "packing"
    event_id = EventId()
    tenant = Tenant()

    @event_handler("commerce", "order_placed")
    def on_order_placed(self, order: dict[str, Any]) -> None:
        """Print one order."""
        print(self.tenant, self.event_id, order["order_id"], flush=True)


if __name__ == "__main__":
    container = ServiceContainer(PackingService, {"AMQP_URI": os.environ["AMQP_URI"]})
    container.start()
    container.wait()
