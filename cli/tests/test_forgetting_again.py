"""Whoever was forgotten has no row and no look-up in anything that a restore brings back."""

from contextlib import closing
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from backed_place import ADDRESS, Place, readable, why
from chassis.database import Database
from chassis.storage import Storage, head_of, log_on
from commerce import handlers, persons
from identity import forgetting, linking, merging

REQUEST, VISITOR = uuid4(), "visitor-1"


def rows(url: str, table: str) -> int:
    with closing(Database(url)) as database, database.read() as db:
        return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  # our own names


def asked_for(storage: Storage) -> list[str]:
    """Return who was asked to be forgotten by the log."""
    with storage.system.read() as db:
        events = [storage.registry.decode(e, storage.keys) for e in log_on(db).after(0, limit=99)]
    return [str(e.person_id) for e in events if type(e).__name__ == "ErasureRequested"]


def forget_everywhere(place: Place, person: UUID) -> None:
    """Have somebody forgotten in both services, as their reactions do it."""
    identity, commerce = place.identity(), place.storage("commerce")
    with identity.begin(why()) as work:
        request_id = forgetting.request_erasure(work, person_id=person)
    (*_, entry) = place.listing("identity").entries()
    with identity.begin(why()) as work:
        forgetting.erase_here(
            work, request_id=request_id, person_id=person, subjects=entry.subjects
        )
    with commerce.begin(why()) as work:
        handlers.forget_people(work, request_id=request_id, subjects=entry.subjects)


def restored(place: Place, *, at: str = "") -> None:
    keys = place.file("new-keys")
    place.run(f"keys restore --keys {keys}")
    place.run(f"restore --databases {place.file('new')} --keys {keys}{at}")


@pytest.fixture
def bought(place: Place, person: UUID) -> UUID:
    """Give somebody whom commerce knows as a visitor too, by a row that no event tells of."""
    commerce = place.storage("commerce")
    with commerce.database.begin("acme") as db:
        persons.join(db, "acme", member=VISITOR, person=str(person))
    commerce.keys.seal_key("acme", VISITOR)
    return person


def test_who_was_merged_since_the_backup_is_forgotten_too(place: Place, person: UUID) -> None:
    """One of two would live on, findable by the address: for the backup they are two persons."""
    storage = place.identity()
    with storage.begin(why()) as work:
        older = linking.register_person(work, origin="shop")
    place.run("create")
    place.run("keys create")
    with storage.begin(why()) as work:
        joined = merging.merge(work, first=person, second=older, rule="test")
    forget_everywhere(place, joined.survivor)
    restored(place)
    found = place.identity("new", "new-keys")
    assert set(asked_for(found)) == {str(person), str(older)}
    assert rows(place.urls("new")["identity"], "lookup") == 0
    assert not readable(place, "new", "new-keys")


def test_a_point_after_an_erasure_has_no_row_from_before(place: Place, bought: UUID) -> None:
    """The tables are older than the erasure, and its reactions, known as done, never run again."""
    place.run("create")
    place.run("keys create")
    forget_everywhere(place, bought)
    heads = {each: head_of(place.storage(each).database) for each in ("identity", "commerce")}
    with place.identity().begin(why()) as work:
        # Later than the wanted point: so only the first backup is early enough.
        linking.register_person(work, origin="shop")
    place.run("create")
    restored(place, at=" --at " + ",".join(f"{each}={at}" for each, at in heads.items()))
    new = place.urls("new")
    assert rows(new["identity"], "lookup") == 0
    assert rows(new["commerce"], "person_links") == 0
    assert rows(new["commerce"], "forgotten_people") > 1


def test_what_only_the_copy_knows_of_somebody_is_forgotten_with_them(
    place: Place, bought: UUID
) -> None:
    """A disaster between two services' erasures would leave keys that nobody asks for any more."""
    place.run("create")
    place.run("keys create")
    with place.identity().begin(why()) as work:
        forgetting.request_erasure(work, person_id=bought)
    restored(place)
    assert rows(place.urls("new")["commerce"], "person_links") == 0
    assert place.storage("commerce", "new", "new-keys").keys.open_key("acme", VISITOR) is None
    named = {
        subject
        for entry in place.listing("").entries()
        if entry.service == "commerce"
        for subject in entry.subjects
    }
    assert named == {VISITOR}, "a later copy of the keys would bring it back"


def test_nobody_else_is_forgotten(place: Place, person: UUID) -> None:
    """A restore would cost the company the customers that it still has."""
    storage = place.identity()
    with storage.begin(why()) as work:
        other = linking.register_person(work, origin="shop")
    with storage.begin(why()) as work:
        merging.declare_email(work, person_id=other, address="other@example.com")
    place.run("create")
    place.run("keys create")
    forget_everywhere(place, person)
    restored(place)
    assert readable(place, "new", "new-keys") == {"other@example.com"}
    assert asked_for(place.identity("new", "new-keys")) == [str(person)]
    assert rows(place.urls("new")["identity"], "lookup") == 1
    assert ADDRESS not in readable(place, "live", "keys")
