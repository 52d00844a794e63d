"""A list of erasures that was lost is told from one that names nobody yet."""

import shutil
from uuid import UUID

import pytest

from backed_place import Place, why
from chassis.backup.shelf import Shelf
from identity import forgetting


def forget(place: Place, person: UUID) -> None:
    """Have somebody forgotten in identity."""
    storage = place.identity()
    with storage.begin(why()) as work:
        request_id = forgetting.request_erasure(work, person_id=person)
    with storage.begin(why()) as work:
        forgetting.erase_here(work, request_id=request_id, person_id=person, subjects=[str(person)])


def restores(place: Place) -> tuple[str, ...]:
    """Return every command that forgets again, each into databases of its own."""
    new, keys = place.file("new"), place.file("new-keys")
    return (
        f"restore --databases {new}",
        f"restore --databases {new} --at identity=1,commerce=0",
        f"keys restore --keys {keys}",
        "drill",
        f"forget --databases {new}",
    )


def test_a_fresh_list_is_begun_by_the_first_backup(place: Place, person: UUID) -> None:
    """The first restore of an installation would fail for lack of an erasure."""
    assert person
    assert "0 entries on the list of erasures" in place.run("create")
    place.run("keys create")
    assert "0 erasures on the list" in place.run(f"restore --databases {place.file('new')}")
    assert place.run(f"keys restore --keys {place.file('new-keys')}")


@pytest.mark.parametrize("which", range(5))
def test_a_place_without_a_list_is_refused(place: Place, person: UUID, which: int) -> None:
    """A volume that is not mounted, or a typo, would bring everybody back who was forgotten."""
    forget(place, person)
    place.run("create")
    place.run("keys create")
    (place.folder / "elsewhere").mkdir()
    for folder in ("elsewhere", "nowhere"):
        elsewhere = str(place.folder / folder)
        said = place.run(restores(place)[which], fails=True, ERASURE_LIST=elsewhere)
        assert "there is no list of erasures" in said
    assert not (place.folder / "new-identity.db").exists()


@pytest.mark.parametrize("which", range(5))
def test_a_list_that_lost_entries_is_refused(place: Place, person: UUID, which: int) -> None:
    """Whoever can write there could take themselves, or others, off the list."""
    place.run("create")
    forget(place, person)
    place.run("create")
    place.run("keys create")
    for path in (place.folder / "erasures" / "erasures").glob("*.json"):
        path.unlink()
    said = place.run(restores(place)[which], fails=True)
    assert "has 0 entries, a backup knows of 2" in said
    assert not (place.folder / "new-identity.db").exists()


def test_an_old_backup_knows_what_the_newest_knows(place: Place, person: UUID) -> None:
    """Of all restores that of an old backup needs the list most."""
    place.run("create")
    (old,) = (line.split()[0] for line in place.run("list").splitlines())
    forget(place, person)
    place.run("create")
    for path in (place.folder / "erasures" / "erasures").glob("*.json"):
        path.unlink()
    new = place.file("new")
    assert "knows of 2" in place.run(f"restore {old} --databases {new}", fails=True)
    place.run(f"restore {old} --databases {new} --without-erasure-list")


def test_a_lost_list_is_told_and_the_backup_is_made(place: Place, person: UUID) -> None:
    """Nobody would know before the restore, or for lack of the list there would be no backup."""
    forget(place, person)
    place.run("create")
    shutil.rmtree(place.folder / "erasures")
    assert "an earlier backup knows of 2" in place.run("create", fails=True)
    assert place.metric("backup", "last_run_ok") == 0
    shelf = Shelf(address=str(place.folder / "backups"), kind="services", secret=b"s" * 32)
    assert [manifest.erasures for manifest in shelf.finished()] == [2, 2]
    assert not (place.folder / "erasures").exists()
    place.run("create --begin-erasure-list")
    place.run("create")
    counts = {manifest.taken: manifest.erasures for manifest in shelf.finished()}
    assert counts[max(counts)] == 0


def test_no_list_is_begun_where_people_were_forgotten(place: Place, person: UUID) -> None:
    """An address that only the backups have wrong would be taken for the list of this place."""
    forget(place, person)
    elsewhere = str(place.folder / "elsewhere")
    said = place.run("create", fails=True, ERASURE_LIST=elsewhere)
    assert "people were forgotten by the logs" in said
    assert not (place.folder / "elsewhere").exists()
    assert "2 entries on the list" in place.run("create")


def test_where_there_never_was_a_list_nothing_changes(place: Place, person: UUID) -> None:
    """A shop without a list would get no backups any more."""
    assert person
    place.run("create", ERASURE_LIST="")
    new = place.file("new")
    place.run(f"restore --databases {new} --without-erasure-list", ERASURE_LIST="")
