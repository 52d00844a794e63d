"""Tickets for one evening: a hot stream of a few lines, for tests of what is decided together."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from bus_service import Greeted, registry
from chassis.clock import SystemClock
from chassis.context import Context
from chassis.database import Database
from chassis.decider import Decider
from chassis.errors import Rejected
from chassis.ids import derived_id
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import SECRET, context

SEATS = 40


class SoldOut(Rejected):
    """There are not as many seats left."""

    code: ClassVar[str] = "sold_out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """Take some seats; none is a question that changes nothing."""

    seats: int


def decide(taken: int, take: Take) -> Sequence[Greeted]:
    """Give a row of seats, the last number of it as the event's, or nothing."""
    if take.seats < 0:
        raise ZeroDivisionError
    if taken + take.seats > SEATS:
        raise SoldOut(f"{SEATS - taken} are left.")
    return [Greeted(number=taken + n + 1) for n in range(take.seats)]


EVENING: Decider[int, Take, Greeted] = Decider(
    category="evening", initial=0, decide=decide, evolve=lambda _, event: event.number, hot=True
)


def asking(number: int, seats: int) -> Context:
    """Return the context of the n-th request, the same whenever it is made again."""
    return context(command_id=request_id(number), command=f"{number}: {seats}".encode())


def request_id(number: int) -> UUID:
    return derived_id("request", number)


def opened(url: str) -> Storage:
    """Return the storage of a process that finds its tables made."""
    return Storage(
        service="greeter",
        database=Database(url),
        registry=registry,
        keys=MemoryKeys(),
        clock=SystemClock(),
        secret=SECRET,
    )


def take_each(storage: Storage, numbers: Sequence[int], threads: int) -> int:
    """Take a seat for each number, several at a time; return how many were had."""

    def take(number: int) -> int:
        try:
            storage.hot.execute(asking(number, 1), EVENING, "tonight", Take(seats=1))
        except SoldOut:
            return 0
        return 1

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(take, numbers))


if __name__ == "__main__":
    url, first, last = sys.argv[1:]
    sys.stdout.write(f"{take_each(opened(url), range(int(first), int(last)), threads=8)}\n")
