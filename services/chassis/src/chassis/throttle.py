"""Token buckets: who asks too often is told to wait, before anything is done for them.

Each process counts for itself, in memory: with n workers a client gets up to n times the rate.
That costs no round trip, and no outage of a shared store opens or closes the doors.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from werkzeug import Request

from chassis.clients import address_of, site_of
from chassis.errors import Rejected
from chassis.rates import Rate
from chassis.routes import Route
from chassis.settings import Settings
from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric

Limit = Literal["subject", "address", "sign-in", "codes", "forms"]
_MOST_BUCKETS = 100_000
LIMITED = metrics.declare(
    Metric(
        name="sixfold.http.limited",
        kind="counter",
        unit="{request}",
        description="Requests that were refused because they came too often, by limit",
        labels=frozenset({"limit"}),
    )
)


class TooManyRequests(Rejected):
    """Too many requests; wait as long as Retry-After says."""

    code = "too_many_requests"
    status = 429

    def __init__(self, allowance: "Allowance") -> None:
        super().__init__(f"The limit is {allowance.rate}.")
        self.allowance = allowance
        self.retry_after = allowance.wait


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What is left of a limit.

    Args:
        limit: Its name.
        rate: So many in so many seconds.
        left: How many requests may come at once now.
        wait: Whole seconds until one more may come; 0 while any is left.
    """

    limit: Limit
    rate: Rate
    left: int
    wait: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Say it as the HTTP working group's RateLimit fields."""
        full = math.ceil((self.rate.requests - self.left) / self.rate.per_second)
        return {
            "RateLimit-Policy": f'"{self.limit}";q={self.rate.requests};w={self.rate.seconds}',
            "RateLimit": f'"{self.limit}";r={self.left};t={self.wait or full}',
        }


class Buckets:
    """One bucket for each of many keys; those that were not used for longest are forgotten."""

    def __init__(
        self,
        limit: Limit,
        rate: Rate,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = _MOST_BUCKETS,
    ) -> None:
        self._limit: Limit = limit
        self._rate = rate
        self._monotonic = monotonic
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> Allowance | None:
        """Take one request out of a bucket; None where there is no limit.

        Raises:
            TooManyRequests: it is empty.
        """
        if not self._rate.requests:
            return None
        with self._lock:
            now = self._monotonic()
            left, at = self._buckets.pop(key, (float(self._rate.requests), now))
            left = min(left + (now - at) * self._rate.per_second, float(self._rate.requests))
            enough = left >= 1
            self._buckets[key] = (left - 1 if enough else left, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        if enough:
            return self._allowance(int(left - 1), 0)
        metrics.record(LIMITED, limit=self._limit)
        raise TooManyRequests(self._allowance(0, math.ceil((1 - left) / self._rate.per_second)))

    def _allowance(self, left: int, wait: int) -> Allowance:
        return Allowance(limit=self._limit, rate=self._rate, left=left, wait=wait)


_NONE = Rate(requests=0, seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """Every limit of one process; by default there are none.

    Args:
        proxies: How many proxies of ours stand in front.
        rates: What each limit allows; none where it is not named.
        monotonic: Seconds on a clock that never jumps.
    """

    proxies: int = 0
    rates: Mapping[Limit, Rate] = field(default_factory=dict)
    monotonic: Callable[[], float] = time.monotonic
    buckets: Mapping[Limit, Buckets] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the buckets."""
        limits: tuple[Limit, ...] = ("subject", "address", "sign-in", "codes", "forms")
        made = {
            limit: Buckets(limit, self.rates.get(limit, _NONE), self.monotonic) for limit in limits
        }
        object.__setattr__(self, "buckets", made)

    def client(self, request: Request, limit: Limit = "address") -> Allowance | None:
        """Count a request against its client's address; raises TooManyRequests."""
        return self.buckets[limit].take(site_of(address_of(request, self.proxies)))

    def arrived(self, route: Route, request: Request) -> None:
        """Count a request that has proven nothing yet; raises TooManyRequests."""
        if route.unlimited:
            return
        self.client(request)
        if route.page is not None and route.kind == "command":
            self.client(request, "forms")
        if route.rate is not None:
            self.client(request, route.rate)

    def admitted(self, route: Route, tenant: str, subject: str) -> Allowance | None:
        """Count a request of somebody who is known; raises TooManyRequests."""
        if route.unlimited or route.scope is None:
            return None
        key = f"{tenant}\x1f{subject}"
        if route.rate is not None:
            self.buckets[route.rate].take(key)
        return self.buckets["subject"].take(key)


def throttle_of(settings: Settings) -> Throttle:
    """Return the limits that a process's settings describe."""
    return Throttle(
        proxies=settings.proxies,
        rates={
            "subject": settings.rate_subject,
            "address": settings.rate_address,
            "sign-in": settings.rate_sign_in,
            "codes": settings.rate_codes,
            "forms": settings.rate_forms,
        },
    )
