"""A belfry in which everything goes on at once, for tests of what must not notice."""

import threading
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Self

import belfry
from belfry import Hung, Melted, Rung, Silenced, record, settle
from chassis.errors import Conflict, Unavailable
from chassis.storage import Storage


class Going:
    """The service at work: commands, the sequencer and the relay's reader, each in a thread."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._stop = threading.Event()
        self.failed: list[BaseException] = []
        self.written = 0
        writers = [self._writes(Random(seed)) for seed in (1, 2)]  # noqa: S311  # seeds, no secrets
        steps = [*writers, self._number, self._follows()]
        self._threads = [threading.Thread(target=self._run, args=(step,)) for step in steps]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        settle(self._storage)

    def _run(self, step: Callable[[], object]) -> None:
        try:
            while not self._stop.wait(0.001):
                try:
                    step()
                except (Conflict, Unavailable):
                    continue  # as every loop of a relay does
        except BaseException as error:  # noqa: BLE001  # the test says it
            self.failed.append(error)

    def _number(self) -> None:
        belfry.number(self._storage)

    def _follows(self) -> Callable[[], object]:
        return belfry.follower(self._storage, page=7).step

    def _writes(self, random: Random) -> Callable[[], None]:
        numbers = count()

        def write() -> None:
            bell = f"bell{random.randrange(20)}"
            event = random.choice(
                [
                    Hung(bell=bell, tower=random.choice(["north", "south"])),
                    Rung(bell=bell, times=next(numbers)),
                    Rung(bell=bell, times=1),
                    Silenced(tower="north"),
                    Melted(bell=bell),
                ]
            )
            record(self._storage, [event])
            self.written += 1

        return write
