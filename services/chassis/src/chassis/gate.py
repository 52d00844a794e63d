"""Keep shut, while the past is folded again, whatever would happen a second time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chassis.errors import Alarm

_shut_for: ContextVar[str | None] = ContextVar("shut_for", default=None)


class GateShut(Alarm):
    """Something that only the present may do was tried while the past is folded again."""

    code = "gate_shut"


@contextmanager
def shut(reason: str) -> Iterator[None]:
    """Refuse side effects until the block ends, in this thread.

    Args:
        reason: What is going on; whoever tries something is told.
    """
    before = _shut_for.set(reason)
    try:
        yield
    finally:
        _shut_for.reset(before)


def passes(effect: str) -> None:
    """Let a side effect happen, unless the gate is shut.

    >>> with shut("the rebuild of funnel"):
    ...     passes("timer")
    Traceback (most recent call last):
    ...
    chassis.gate.GateShut: no timer during the rebuild of funnel

    Args:
        effect: What is about to happen.

    Raises:
        GateShut: the past is being folded again.
    """
    reason = _shut_for.get()
    if reason is not None:
        raise GateShut(f"no {effect} during {reason}")


def is_shut() -> bool:
    """Say whether the past is being folded again."""
    return _shut_for.get() is not None
