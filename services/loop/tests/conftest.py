"""The logs that most tests of the loop read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from four_logs import MONDAY, FourLogs, tell
from loop.replay import Result, replay
from loop_service import LoopUnderTest


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[FourLogs]:
    """Give four empty logs."""
    made = FourLogs(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FourLogs]:
    """Give four logs with the whole story; nobody may add to them."""
    made = tell(FourLogs(tmp_path_factory.mktemp("told")))
    yield made
    made.close()


@pytest.fixture(scope="session")
def replayed(told: FourLogs) -> Result:
    """Give what the whole story comes to."""
    return replay(told.feeds)


@pytest.fixture
def service(tmp_path: Path, logs: FourLogs) -> Iterator[LoopUnderTest]:
    """Give the loop over four empty logs, on the story's first Monday."""
    made = LoopUnderTest(tmp_path, logs, MONDAY)
    yield made
    made.close()


@pytest.fixture(scope="module")
def showing(tmp_path_factory: pytest.TempPathFactory, told: FourLogs) -> Iterator[LoopUnderTest]:
    """Give the loop that has taken in the whole story."""
    made = LoopUnderTest(tmp_path_factory.mktemp("loop"), told, MONDAY)
    made.take()
    yield made
    made.close()
