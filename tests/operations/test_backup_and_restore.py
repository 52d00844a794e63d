"""A whole installation is backed up, tried, lost, and brought back without those forgotten."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from backed_up import Site, counted, events_of, owned, personal_fields, site_in
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
        somebody = {"origin": "shop", "email": "somebody@example.com"}
        known = site.clients["identity"].post("/v1/persons", somebody, key=str(uuid4()))
        site.seen["person"] = known["person_id"]
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


def test_who_was_forgotten_after_the_backup_stays_forgotten_after_a_restore(site: Site) -> None:
    """A restore would bring back who was promised to be forgotten, with their keys."""
    stands = site.stack.addresses
    databases, old_keys = owned(stands.databases), owned(stands.keys)
    person = site.seen["person"]
    asked = site.clients["identity"].post(f"/v1/persons/{person}/erasure", None, key=str(uuid4()))
    wait_for_erasure(site, databases, asked["request_id"])
    after = site.loop_hash()
    assert after["hash"] == site.seen["before"]["hash"]
    (requested,) = events_of(databases, "identity", "erasure_requested")
    subjects = set(json.loads(requested.data)["subjects"])
    assert person in subjects
    readable_before = {
        subject
        for _, subject, _, value in personal_fields(site.known("master_key"), databases, old_keys)
        if value
    }
    assert not subjects & readable_before
    site.stop()

    places, places_of_keys = site.fresh("restored")
    new, keys = owned(places), owned(places_of_keys)
    told = site.sixfold(f"backup keys restore --keys {site.file('new-keys', keys)}")
    assert "had come back and were destroyed again" in told
    told = site.sixfold(
        f"backup restore --databases {site.file('new', new)} --keys {site.file('new-keys', keys)}"
    )
    assert "1 were unknown to the backup and begin again" in told
    # No process has started yet, and the person is gone from everything that could be replayed.
    fields = list(personal_fields(site.known("master_key"), new, keys))
    assert not {name for _, subject, name, value in fields if value and subject in subjects}
    assert {subject for _, subject, _, _ in fields} & subjects, "the person's events are there"
    others = {subject for _, subject, _, value in fields if value} - subjects
    assert others == readable_before, "nobody else is forgotten"
    vector = site.seen["before"]["positions"]
    assert counted(new, vector).hash == site.seen["before"]["hash"]

    amqp_uri = site.stack.broker.vhost("restored")
    facts = str(site.folder / "facts.duckdb")
    site.start(places, places_of_keys, AMQP_URI=amqp_uri, FACTS_FILE=facts)
    wait_for_erasure(site, new, asked["request_id"])
    assert site.loop_hash()["hash"] == after["hash"]


def wait_for_erasure(site: Site, databases: dict[str, str], request_id: str) -> None:
    """Wait until every service has forgotten somebody."""
    end = time.monotonic() + DEADLINE
    while not any(
        json.loads(event.data)["request_id"] == request_id
        for event in events_of(databases, "identity", "person_erased")
    ):
        assert time.monotonic() < end, site.settle()
        time.sleep(0.2)
