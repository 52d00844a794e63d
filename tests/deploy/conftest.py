"""The renders that the tests of the deployment share."""

from collections.abc import Iterator

import pytest

from rendered import Renders, helm


@pytest.fixture(scope="session")
def renders() -> Iterator[Renders]:
    """The chart with every values file, rendered by Helm's own engine."""
    with helm.engine() as engine:
        yield Renders(engine)
