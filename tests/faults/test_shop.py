"""Orders, money and the loop's numbers come through a storm as if nothing had happened."""

import os
import shutil
from collections.abc import Iterator

import pytest

from chassis.testing.faultlab import main
from chassis.testing.faultlab.lab import Lab
from chassis.testing.faultlab.rounds import Length
from chassis.testing.faultlab.site import Site
from chassis.testing.programs import run_directory
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from shop_lab import SUBJECT

pytestmark = [pytest.mark.servers, pytest.mark.journey]
SEED = 20_261_033
FAULTS = ("crash", "kill", "duplicate")


@pytest.fixture
def lab(rabbitmq: PrivateRabbitMQ, postgresql: PrivatePostgreSQL) -> Iterator[Lab]:
    folder = run_directory() / f"shop-lab-{os.getpid()}"
    with Site(SUBJECT, folder, rabbitmq, postgresql) as site:
        yield Lab(site=site)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_shop_comes_through_a_storm(lab: Lab) -> None:
    """An order would hang, money be missing, or the loop's numbers differ from a calm day's."""
    played = main.run(lab, SEED, FAULTS, until=0.0, length=Length(faults=len(FAULTS)))

    assert [one.violations for one in played] == [[]]
    assert {planned.fault for planned in played[0].planned} == set(FAULTS)
