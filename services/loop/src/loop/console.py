"""Everything that the loop's edge needs, put together once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chassis.auth import Authority
from chassis.browser_sessions import Sessions
from chassis.sign_in import SignIn
from chassis.storage import Storage
from chassis.throttle import Throttle
from loop.board import Board
from loop.live import LiveFacts
from loop.live_pages import LivePages


@dataclass(frozen=True, kw_only=True, slots=True)
class Console:
    """What routes and pages answer from.

    Args:
        span_file: Where spans are written as lines, if anywhere.
        sign_in: At the issuer; None where people bring tokens.
        public_url: Where browsers reach the pages.
        tokens_in_links: Take a token from ``/?token=`` and from a form; for development, where
            links are printed in a terminal.
        throttle: How often somebody may ask.
        live_pages: The places for pages that are kept up to date.
        stopping: Says that the process is about to leave.
    """

    storage: Storage
    facts: LiveFacts
    board: Board
    authority: Authority
    sessions: Sessions
    span_file: Path | None = None
    sign_in: SignIn | None = None
    public_url: str = "/"
    tokens_in_links: bool = False
    throttle: Throttle = field(default_factory=Throttle)
    live_pages: LivePages = field(default_factory=LivePages)
    stopping: Callable[[], bool] = lambda: False
