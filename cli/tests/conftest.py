"""An installation to back up, and somebody in it."""

from pathlib import Path
from uuid import UUID

import pytest

from backed_place import ADDRESS, KEYS, SERVICES, Place, why
from chassis.testing.migrated import migrated
from identity import linking, merging


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(folder=tmp_path)
    for service in SERVICES:
        migrated(tmp_path / f"live-{service}.db", service)
        migrated(tmp_path / f"keys-{service}.db", KEYS)
    return place


@pytest.fixture
def person(place: Place) -> UUID:
    """Give somebody whom identity knows by an address."""
    storage = place.identity()
    with storage.begin(why()) as work:
        person_id = linking.register_person(work, origin="shop")
    with storage.begin(why()) as work:
        merging.declare_email(work, person_id=person_id, address=ADDRESS)
    return person_id
