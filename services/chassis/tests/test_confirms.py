"""The publisher knows which of its messages the broker has, whatever order it is told in."""

import time

from hypothesis import given
from hypothesis import strategies as st

from chassis.confirms import Confirms


@given(count=st.integers(1, 40), data=st.data())
def test_what_is_outstanding_is_what_was_not_confirmed(count: int, data: st.DataObject) -> None:
    """A checkpoint moved too early loses events; one moved too late publishes them twice."""
    confirms, waiting = Confirms(), set[int]()
    for first in range(1, count + 1, 5):
        sent = range(first, min(first + 5, count + 1))
        confirms.sent(len(sent))
        waiting.update(sent)
        for tag, multiple in data.draw(_answers(sent[-1])):
            confirms.confirm(tag, multiple=multiple)
            waiting -= set(range(1, tag + 1)) if multiple else {tag}
        assert confirms.outstanding == len(waiting)
    confirms.confirm(count, multiple=True)
    assert confirms.outstanding == 0


def _answers(newest: int) -> st.SearchStrategy[list[tuple[int, bool]]]:
    return st.lists(st.tuples(st.integers(1, newest), st.booleans()), max_size=6)


def test_the_time_for_an_answer_does_not_grow() -> None:
    """A broker that confirms one by one, in any order, does not stop the publisher."""
    confirms = Confirms()
    confirms.sent(200_000)
    started = time.monotonic()
    for tag in range(200_000, 0, -1):
        confirms.confirm(tag, multiple=False)

    assert confirms.outstanding == 0
    assert time.monotonic() - started < 5  # looking at every open tag would take minutes
