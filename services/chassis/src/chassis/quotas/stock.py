"""Count what a tenant has of something: a read model that commits with the events."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chassis import direct
from chassis.changes import Change, Changes
from chassis.envelope import Envelope
from chassis.projections import Projection
from chassis.quotas.tables import quota_held

_HELD = "SELECT held FROM quota_held WHERE tenant = :tenant AND name = :name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """Something of which a tenant may have so many.

    Args:
        name: Of the quota.
        comes: Events after which there is one more.
        goes: Events after which there is one fewer.
    """

    name: str
    comes: Sequence[type[Any]]
    goes: Sequence[type[Any]] = ()


class Held(Projection):
    """The read model ``quota_held``: how much of each stock a tenant has."""

    def __init__(self, *stocks: Stock) -> None:
        super().__init__("quota_held", [quota_held])
        self.names = tuple(stock.name for stock in stocks)
        self._steps_of: dict[type[Any], list[tuple[str, int]]] = {}
        for stock in stocks:
            for cls, step in (*((c, 1) for c in stock.comes), *((g, -1) for g in stock.goes)):
                self._steps_of.setdefault(cls, []).append((stock.name, step))
        for cls in self._steps_of:
            self.fold(cls)(self._changes_of)

    def growing(self, events: Iterable[Any]) -> list[str]:
        """Return the names of the stocks of which there is more after some events."""
        steps = Counter[str]()
        for event in events:
            for name, step in self._steps_of.get(type(event), ()):
                steps[name] += step
        return [name for name, step in steps.items() if step > 0]

    def _changes_of(self, event: Any, envelope: Envelope) -> Changes:
        for name, step in self._steps_of[type(event)]:
            yield _moved(envelope.tenant, name, step)


def held(db: Connection, tenant: str, name: str) -> int:
    """Return how much of a stock a tenant has, as a transaction sees it."""
    return int(direct.scalar(db, _HELD, {"tenant": tenant, "name": name}) or 0)


def _moved(tenant: str, name: str, step: int) -> Change:
    key = {"tenant": tenant, "name": name}
    return Change(quota_held, key, lambda row: {**key, "held": (row["held"] if row else 0) + step})
