"""Everything that the loop's edge needs, put together once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chassis.auth import Authority
from chassis.storage import Storage
from loop.board import Board
from loop.live import LiveFacts
from loop.live_pages import LivePages
from loop.session import Sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """What routes and pages answer from.

    Args:
        span_file: Where spans are written as lines, if anywhere.
        tokens_in_links: Take a token from ``/?token=``; for development, where links are
            printed in a terminal.
        live_pages: The places for pages that are kept up to date.
        stopping: Says that the process is about to leave.
    """

    storage: Storage
    facts: LiveFacts
    board: Board
    authority: Authority
    sessions: Sessions
    span_file: Path | None = None
    tokens_in_links: bool = False
    live_pages: LivePages = field(default_factory=LivePages)
    stopping: Callable[[], bool] = lambda: False
