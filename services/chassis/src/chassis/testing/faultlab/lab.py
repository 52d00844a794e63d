"""What a fault may touch: the site, its crash points, and what other faults must leave alone."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from chassis.testing.faultlab.points import noted
from chassis.testing.faultlab.site import Site


@dataclass(frozen=True, slots=True)
class Told:
    """What a fault did, and what it saw that must not be."""

    what: str
    violations: Sequence[str] = ()


@dataclass(kw_only=True)
class Lab:
    """The site and what its faults share.

    Args:
        queues_untouched: Held by whoever takes messages out of a consumer's queues.
        mended: Set when a broken handler was mended: what is parked has to be tried again.
    """

    site: Site
    queues_untouched: threading.RLock = field(default_factory=threading.RLock)
    mended: threading.Event = field(default_factory=threading.Event)

    @property
    def subscriptions(self) -> list[tuple[str, str]]:
        """Every consumer with each of its sources."""
        upstream = self.site.subject.upstream
        return sorted((name, source) for name in upstream for source in upstream[name])

    @property
    def readable(self) -> list[tuple[str, str]]:
        """Those subscriptions whose checkpoints are in the consumer's database."""
        apart = self.site.subject.keeps_apart
        return [(name, source) for name, source in self.subscriptions if not apart(name)]

    def points(self) -> list[tuple[str, str]]:
        """Return the crash points that were come by, each with its process; in a fixed order."""
        return [
            (name, point)
            for name in self.site.names
            for point in noted(self.site.points / f"{name}.txt")
        ]
