"""Stories that nobody thought of: a few fixed ones in the quick check, many new ones beside it."""

import os
from collections.abc import Callable
from random import SystemRandom
from time import monotonic
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, Phase, seed, settings

T = TypeVar("T", bound=Callable[..., Any])
SECONDS = 40
MOST = 500
SEED = int(os.environ.get("STORIES_SEED") or SystemRandom().getrandbits(32))
_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def few(examples: int) -> settings:
    """Return the settings of a check that tells the same few stories every time."""
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=_SLOW
    )


def by_chance(test: T) -> T:
    """Tell a test new stories each time, beside the quick check."""
    many = settings(
        max_examples=MOST,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate],
        suppress_health_check=_SLOW,
    )
    return cast("T", pytest.mark.many(seed(SEED)(many(test))))


class Chance:
    """Tells new stories for so long; ``STORIES_SEED`` tells those of a run that failed again."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._until: float | None = None
        self._broken = False

    def tell(self, story: Callable[[], None]) -> None:
        """Let a story happen while there is time; the one that broke something, also later."""
        self._until = self._until or monotonic() + self._seconds
        if monotonic() > self._until and not self._broken:
            return
        print(f"STORIES_SEED={SEED}")  # noqa: T201  # pytest shows it where the test fails
        try:
            story()
        except BaseException:
            self._broken = True
            raise
