"""The methods of a service class that take other services' events, without a broker."""

import inspect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from chassis.subscribe import Subscription


def subscribers(edge: type[Any]) -> Mapping[str, Sequence[Subscription]]:
    """Return a service class's subscriptions, by producer."""
    found: dict[str, list[Subscription]] = defaultdict(list)
    for name, method in inspect.getmembers(edge, inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, Subscription):
                provider = copy(entrypoint)
                provider.subscribed_method = name
                found[entrypoint.source].append(provider)
    return found
