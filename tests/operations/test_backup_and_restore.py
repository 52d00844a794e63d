"""A whole installation on real servers is backed up, and the backup is tried."""

import json
import os
import shutil
import time
from collections.abc import Iterator

import pytest

from backed_up import Site, site_in
from chassis.testing.programs import run_directory
from sixfold.shop import TENANT

pytestmark = [pytest.mark.journey, pytest.mark.servers]
DEADLINE = 400.0
DRILL_SECONDS = 120.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give an installation that was backed up, with its keys."""
    directory = run_directory() / f"backup-{time.time_ns()}"
    folder = tmp_path_factory.mktemp("kept")
    with site_in(directory, folder) as site:
        site.seen["before"] = site.loop_hash()
        site.sixfold("backup create")
        site.sixfold("backup keys create")
        yield site
    shutil.rmtree(directory, ignore_errors=True)


def metric(site: Site, name: str) -> float:
    job = "drill" if "_drill_" in name else "backup"
    lines = (site.folder / "textfile" / f"sixfold_{job}.prom").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def test_the_drill_brings_everything_back_as_it_was(site: Site) -> None:
    """A backup that nobody has tried is a hope."""
    report = json.loads(site.sixfold("backup drill --json"))
    assert report["passed"]
    # On a machine that has more to do than processors everything takes so much longer.
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert sum(report["seconds"].values()) < DRILL_SECONDS * busy, report["seconds"]
    assert report["events"].keys() == {"identity", "listening", "campaigns", "commerce", "loop"}
    assert all(report["events"][service] > 0 for service in report["positions"])
    compared = report["models"]
    assert sum(model["rows"] for model in compared.values()) > 50
    assert len(compared) > 10
    assert {model["differing"] for model in compared.values()} == {0}
    assert report["hashes"][TENANT] == site.seen["before"]["hash"]
    assert metric(site, "sixfold_drill_last_run_ok") == 1
    print(report["seconds"])  # noqa: T201  # for whoever looks how long a drill takes
