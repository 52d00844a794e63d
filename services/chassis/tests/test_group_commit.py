"""Writers that share a commit share nothing else: each gets its own answer."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from chassis.group_commit import GoAlone, GroupCommit

DEADLINE = 10.0


class Disk:
    """Writes batches; ``hold`` keeps the first one until ``go``."""

    def __init__(self, *, hold: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.writing = threading.Event()
        self.go = threading.Event()
        if not hold:
            self.go.set()

    def write(self, wishes: Sequence[int]) -> list[int]:
        self.batches.append(list(wishes))
        self.writing.set()
        assert self.go.wait(DEADLINE)
        if 13 in wishes:
            raise OSError("full")
        return [wish * 10 for wish in wishes]


def test_one_writer_does_not_wait_for_company() -> None:
    """A quiet service answers as fast as it did before."""
    disk = Disk()
    group = GroupCommit[int, int](disk.write)
    assert [group.submit(n, n) for n in (1, 2, 3)] == [10, 20, 30]
    assert disk.batches == [[1], [2], [3]]


def test_who_waits_is_taken_along() -> None:
    """Sixteen writers at once wait for the disk twice, not sixteen times."""
    disk = Disk(hold=True)
    group = GroupCommit[int, int](disk.write, abreast=1)
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(group.submit, 0, 0)
        assert disk.writing.wait(DEADLINE)
        rest = [pool.submit(group.submit, n, n) for n in range(1, 13)]
        while len(group._waiting) < len(rest):
            assert not first.done()
        disk.go.set()
        assert [one.result(DEADLINE) for one in (first, *rest)] == [n * 10 for n in range(13)]
    assert [len(batch) for batch in disk.batches] == [1, 12]


def test_wishes_of_one_key_are_never_in_one_batch_and_keep_their_order() -> None:
    """Two changes of one order are decided one after the other."""
    disk = Disk(hold=True)
    group = GroupCommit[int, int](disk.write, abreast=1)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(group.submit, 0, "other")]
        assert disk.writing.wait(DEADLINE)
        for n in (1, 2, 3):
            waiting.append(pool.submit(group.submit, n, "same"))
            while len(group._waiting) < n:
                assert not waiting[0].done()
        disk.go.set()
        for one in waiting:
            one.result(DEADLINE)
    assert disk.batches == [[0], [1], [2], [3]]


def test_a_batch_that_fails_is_given_back_to_each() -> None:
    """One request that cannot be stored fails alone; its neighbours are tried by themselves."""
    disk = Disk(hold=True)
    group = GroupCommit[int, int](disk.write, abreast=1)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(group.submit, 0, 0)
        assert disk.writing.wait(DEADLINE)
        rest = [pool.submit(group.submit, n, n) for n in (12, 13, 14)]
        while len(group._waiting) < len(rest):
            assert not first.done()
        disk.go.set()
        assert first.result(DEADLINE) == 0
        assert all(isinstance(one.exception(DEADLINE), GoAlone) for one in rest)
    assert group.submit(1, 1) == 10


def test_a_writer_that_is_killed_does_not_take_the_lead_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request that was cut off while it waited does not stop those that come after."""
    disk = Disk()
    group = GroupCommit[int, int](disk.write, abreast=1)

    def kill() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(group, "_gather", kill)
        with pytest.raises(KeyboardInterrupt):
            group.submit(1, 1)

    assert group.submit(2, 2) == 20
    assert disk.batches == [[2]]


@pytest.mark.parametrize("abreast", [1, 2, 3])
def test_nobody_is_forgotten(abreast: int) -> None:
    """Under load every request is answered, once, with what belongs to it."""
    disk = Disk()
    group = GroupCommit[int, int](disk.write, abreast=abreast, limit=5)

    def write(writer: int) -> list[int]:
        return [group.submit(writer * 1000 + n, (writer, n)) for n in range(100)]

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(write, range(1, 13), timeout=DEADLINE))
    assert found == [[(w * 1000 + n) * 10 for n in range(100)] for w in range(1, 13)]
    assert sorted(chain.from_iterable(disk.batches)) == sorted(
        w * 1000 + n for w in range(1, 13) for n in range(100)
    )
    assert max(map(len, disk.batches)) <= 5
