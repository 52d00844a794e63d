"""The backup commands, as an operator or a CronJob runs them."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from backed_place import ADDRESS, SECRET, Place, readable, why
from chassis.database import Database
from chassis.erasure_list import ErasureList
from chassis.errors import Unavailable
from chassis.migrations import ensure_current
from chassis.restored import RestoreUnfinished
from chassis.storage import log_on
from identity import forgetting


def test_a_backup_is_made_listed_checked_and_restored(place: Place, person: UUID) -> None:
    """The runbook's first page would not work."""
    assert "chains hold" in place.run("create")
    (line,) = place.run("list").splitlines()
    assert "identity=2" in line
    name = line.split()[0]
    assert f"{name} is what was made" in place.run(f"verify {name}")
    told = place.run(f"restore --databases {place.file('new')}")
    assert "0 erasures on the list" in told
    assert f"{name} is restored" in told
    assert readable(place, "new", "keys") == {ADDRESS}
    for service, url in place.urls("new").items():
        ensure_current(url, service)
    assert person


def test_who_was_forgotten_after_the_backup_is_forgotten_again(place: Place, person: UUID) -> None:
    """A restore, and an old copy of the keys with it, would bring back who was to be forgotten."""
    place.run("create")
    place.run("keys create")
    listing = ErasureList(address=str(place.folder / "erasures"), secret=SECRET, service="identity")
    listing.add(
        tenant="acme", request_id=uuid4(), subjects=[str(person)], now=datetime.now(UTC),
        about=str(person),
    )  # fmt: skip
    new_keys = place.file("new-keys")
    told = place.run(f"keys restore --keys {new_keys}")
    assert "identity: 1 keys had come back and were destroyed again" in told
    told = place.run(f"restore --databases {place.file('new')} --keys {new_keys}")
    assert "1 erasures on the list; 1 were unknown to the backup and begin again" in told
    storage = place.identity("new", "new-keys")
    with storage.system.read() as db:
        assert log_on(db).after(0, limit=99)[-1].type == "erasure_requested"


def test_without_a_list_nothing_is_restored_by_accident(place: Place, person: UUID) -> None:
    """Whoever forgets the variable would bring back everybody who was forgotten."""
    assert person
    place.run("create")
    new = place.file("new")
    told = place.run(f"restore --databases {new}", fails=True, ERASURE_LIST="")
    assert "--without-erasure-list" in told
    assert not (place.folder / "new-identity.db").exists()
    place.run(f"restore --databases {new} --without-erasure-list", ERASURE_LIST="")


def test_a_broken_list_stops_a_restore_before_any_process_starts(
    place: Place, person: UUID
) -> None:
    """Somebody could take themselves, or others, off the list."""
    assert person
    place.run("create")
    folder = place.folder / "erasures" / "erasures"
    (folder / "x.json").write_text("{}")
    place.run(f"restore --databases {place.file('new')}", fails=True)
    assert not (place.folder / "new-identity.db").exists()


def test_keys_are_in_no_backup_but_their_own(place: Place, person: UUID) -> None:
    """Destroyed keys would live on in last year's backups."""
    with closing(Database(place.urls("keys")["identity"])) as database, database.read() as db:
        from sqlalchemy import text  # noqa: PLC0415  # beside its one use

        wrapped = bytes(db.execute(text("SELECT wrapped FROM subject_keys LIMIT 1")).scalar_one())
    assert person
    place.run("create")
    place.run("keys create")
    import pyarrow as pa  # noqa: PLC0415  # beside its one use

    for path in (place.folder / "backups").rglob("*.zst"):
        with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as content:
            assert wrapped not in content.read()
    for path in (place.folder / "key-backups").rglob("*.zst"):
        assert wrapped not in path.read_bytes()
        with pytest.raises(OSError, match="ZSTD"):
            pa.CompressedInputStream(pa.OSFile(str(path)), "zstd").read()


def test_keys_go_to_another_place(place: Place) -> None:
    """One stolen bucket would hold the letters and what opens them."""
    told = place.run("keys create", fails=True, SIXFOLD_KEY_BACKUPS=str(place.folder / "backups"))
    assert "another place" in told


def test_monitoring_sees_success_and_keeps_it_through_a_failure(place: Place) -> None:
    """The alert for a missing backup would be silenced by the failure that it is about."""
    place.run("create")
    success = place.metric("backup", "last_success_timestamp_seconds")
    assert place.metric("backup", "last_run_ok") == 1
    assert place.metric("backup", "kept") == 1
    assert place.metric("backup", "size_bytes") > 0
    place.run("create", fails=True, SIXFOLD_DATABASES_FILE="/nowhere")
    assert place.metric("backup", "last_run_ok") == 0
    assert place.metric("backup", "last_success_timestamp_seconds") == success
    assert place.metric("backup", "last_run_timestamp_seconds") >= success


def test_old_backups_go_but_never_the_last_that_is_whole(place: Place) -> None:
    """A full disk would take the one good backup, or nobody would ever have room."""
    for _ in range(3):
        place.run("create")
    names = [line.split()[0] for line in place.run("list").splitlines()]
    for path in (place.folder / "backups" / "services" / names[0]).glob("identity.db*"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    told = place.run("prune --daily 1 --weekly 0 --monthly 0")
    kept = [line.split()[0] for line in place.run("list").splitlines()]
    assert kept == names[:2]
    assert f"{names[1]} reads whole" in told


def test_copies_of_keys_live_for_days(place: Place) -> None:
    """As long as a copy lives, a destroyed key can be brought back from it."""
    place.run("keys create")
    place.run("keys create")
    place.run("keys prune --days 0")
    assert len(place.run("keys list").splitlines()) == 1


def test_a_restored_key_database_is_refused_until_it_forgot(place: Place, person: UUID) -> None:
    """A process would start on keys that had been destroyed."""
    from chassis import restored  # noqa: PLC0415  # beside its one use

    assert person
    url = place.urls("keys")["identity"]
    with closing(Database(url)) as database:
        with database.begin() as db:
            restored.begin(db, "20260101T000000Z-000000", 1)
        with database.read() as db, pytest.raises(RestoreUnfinished):
            restored.ensure_finished(db)


def test_a_drill_tries_the_newest_backup(place: Place, person: UUID) -> None:
    """Nobody would know that a backup cannot be restored before it has to be."""
    assert person
    place.run("create")
    place.run("keys create")
    report = json.loads(place.run("drill --json"))
    assert report["passed"]
    assert report["events"] == {"identity": 2, "commerce": 0}
    assert report["models"]["identity.ties"]["rows"] > 0
    assert report["positions"] == {"identity": 2, "commerce": 0}
    assert place.metric("drill", "last_run_ok") == 1


def test_a_drill_fails_where_rows_are_not_what_the_log_says(place: Place, person: UUID) -> None:
    """The drill would pass whatever it finds."""
    from sqlalchemy import text  # noqa: PLC0415  # beside its one use

    assert person
    with closing(Database(place.urls("live")["identity"])) as database, database.begin() as db:
        db.execute(text("DELETE FROM email_owners"))
    place.run("create")
    assert '"passed": false' in place.run("drill --json", fails=True)
    assert place.metric("drill", "last_run_ok") == 0


def test_a_log_is_restored_up_to_a_position(place: Place, person: UUID) -> None:
    """Whoever deleted the wrong thing could go back to the last backup only."""
    assert person
    place.run("create")
    new = place.file("new")
    told = place.run(f"restore --databases {new} --at identity=1,commerce=0")
    assert "extended from position 0 to 1" in told
    storage = place.identity("new")
    with storage.system.read() as db:
        assert [event.type for event in log_on(db).after(0, limit=9)] == ["person_registered"]
    for service, url in place.urls("new").items():
        ensure_current(url, service)


def test_a_wish_to_be_forgotten_is_on_the_list_before_it_is_answered(
    place: Place, person: UUID
) -> None:
    """A disaster between answer and erasure would bring the person back with the next restore."""
    list_ = ErasureList(address=str(place.folder / "erasures"), secret=SECRET, service="identity")
    storage = replace(place.identity(), erasures=list_)
    with storage.begin(why()) as work:
        request_id = forgetting.request_erasure(work, person_id=person)
    (entry,) = list_.entries()
    assert (entry.request_id, entry.about) == (request_id, str(person))
    assert str(person) in entry.subjects


def test_without_its_list_no_wish_to_be_forgotten_is_taken(place: Place, person: UUID) -> None:
    """It would be answered, and the next restore would know nothing of it."""
    (place.folder / "file").write_text("")
    list_ = ErasureList(address=str(place.folder / "file"), secret=SECRET, service="identity")
    storage = replace(place.identity(), erasures=list_)
    with pytest.raises(Unavailable), storage.begin(why()) as work:
        forgetting.request_erasure(work, person_id=person)
    with storage.system.read() as db:
        assert "erasure_requested" not in {event.type for event in log_on(db).after(0, limit=99)}
