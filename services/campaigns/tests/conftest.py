"""One campaigns service for each test, without servers."""

from pathlib import Path

import pytest

from campaigns.bootstrap import BLUEPRINT
from chassis.testing.harness import Harness


@pytest.fixture
def campaigns(tmp_path: Path) -> Harness:
    """Return the whole service in this process, its clock standing still."""
    return Harness(BLUEPRINT, tmp_path)
