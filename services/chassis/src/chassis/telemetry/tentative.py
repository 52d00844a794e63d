"""Spans and measurements of work that may yet be undone: they are told once it stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Report = Callable[[], None]
_held: ContextVar[list[Report] | None] = ContextVar("held", default=None)


@contextmanager
def tentative() -> Iterator[None]:
    """Hold back what the block reports until it ends well.

    What a batch did before it was undone and redone event by event would count twice.

    >>> told = []
    >>> with tentative():
    ...     tell(lambda: told.append("stands"))
    ...     told
    []
    >>> told
    ['stands']
    """
    reports: list[Report] = []
    token = _held.set(reports)
    try:
        yield
    finally:
        _held.reset(token)
    for report in reports:
        tell(report)


def tell(report: Report) -> None:
    """Make a report now, or when the tentative block around it has ended well."""
    held = _held.get()
    if held is None:
        report()
    else:
        held.append(report)
