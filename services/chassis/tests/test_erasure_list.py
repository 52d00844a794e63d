"""The list of erasures: it only grows, and nobody else can write on it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from chassis.erasure_list import BrokenErasureList, ErasureList, entries_for
from chassis.errors import Unavailable
from chassis.testing.contexts import NOW
from chassis.testing.object_store import ENVIRONMENT, PrivateObjectStore

SECRET = b"s" * 32
FIRST, SECOND = UUID(int=1), UUID(int=2)


def listing(place: str, service: str = "greeter", secret: bytes = SECRET) -> ErasureList:
    return ErasureList(address=place, secret=secret, service=service)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "list")


def add(list_: ErasureList, request: UUID, *subjects: str, about: str | None = None) -> None:
    list_.add(tenant="acme", request_id=request, subjects=subjects, now=NOW, about=about)


def test_what_was_listed_is_found(place: str) -> None:
    """A restore would bring somebody back who was promised to be forgotten."""
    add(listing(place), FIRST, "b", "a", "b")
    (entry,) = listing(place, "anybody").entries()
    assert (entry.tenant, entry.service, entry.request_id) == ("acme", "greeter", FIRST)
    assert entry.subjects == ("a", "b")


def test_an_empty_list_has_nothing(place: str) -> None:
    """The first restore would fail for lack of an erasure."""
    assert listing(place).entries() == []


def test_a_list_that_names_nobody_is_told_from_no_list(place: str) -> None:
    """A folder that was not mounted would be read as: nobody was ever forgotten."""
    assert listing(place).count() is None
    for _ in range(2):
        listing(place).begin(NOW)
    assert listing(place).count() == 0
    assert listing(place).entries() == []
    add(listing(place), FIRST, "a")
    assert listing(place).count() == 1


def test_a_list_with_entries_needs_no_mark(place: str) -> None:
    """A list from before there was a mark could not be restored with."""
    add(listing(place), FIRST, "a")
    assert listing(place).count() == 1


def test_nobody_else_can_begin_a_list(place: str) -> None:
    """Whoever emptied the list could say that it never named anybody."""
    listing(place, secret=b"t" * 32).begin(NOW)
    with pytest.raises(BrokenErasureList, match="mark"):
        listing(place).count()


def test_a_repeat_writes_nothing(place: str) -> None:
    """Every retry of a handler would make the list longer."""
    for _ in range(2):
        add(listing(place), FIRST, "a")
    assert len(listing(place).entries()) == 1


def test_more_subjects_of_one_request_stand_beside_the_first(place: str) -> None:
    """An entry would be overwritten, and with it the proof of what was forgotten first."""
    add(listing(place), FIRST, "a")
    add(listing(place), FIRST, "a", "b")
    assert [entry.subjects for entry in listing(place).entries()] in (
        [("a",), ("a", "b")],
        [("a", "b"), ("a",)],
    )


def test_a_service_forgets_its_own_subjects_and_those_of_whoever_asked(place: str) -> None:
    """A number that two people share in one service would be lost to both in another."""
    add(listing(place, "identity"), FIRST, "person-1", about="person-1")
    add(listing(place, "commerce"), FIRST, "person-1", "phone-1")
    entries = listing(place).entries()
    everybody = [
        {subject for entry in entries_for(service, entries) for subject in entry.subjects}
        for service in ("commerce", "listening")
    ]
    assert everybody == [{"person-1", "phone-1"}, {"person-1"}]


@pytest.mark.parametrize("old", ['"a"', "acme", "greeter"])
def test_a_changed_entry_is_found(place: str, old: str) -> None:
    """Whoever can write there could take somebody off the list."""
    add(listing(place), FIRST, "a")
    (path,) = Path(place).rglob("*.json")
    path.write_text(path.read_text().replace(old, old.replace("e", "f").replace("a", "b")))
    with pytest.raises(BrokenErasureList):
        listing(place).entries()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1]"])
def test_an_entry_of_somebody_else_is_found(place: str, content: bytes) -> None:
    """A restore would go on with a list that it cannot read."""
    add(listing(place), FIRST, "a")
    (path,) = Path(place).rglob("*.json")
    path.write_bytes(content)
    with pytest.raises(BrokenErasureList):
        listing(place).entries()


def test_an_entry_put_in_anothers_place_is_found(place: str) -> None:
    """One entry could stand in for another that somebody took away."""
    add(listing(place), FIRST, "a")
    (path,) = Path(place).rglob("*.json")
    path.rename(path.with_name(path.name.replace(str(FIRST), str(SECOND))))
    with pytest.raises(BrokenErasureList):
        listing(place).entries()


def test_another_secret_makes_another_list(place: str) -> None:
    """Somebody without the secret could list whom they like."""
    add(listing(place, secret=b"t" * 32), FIRST, "a")
    with pytest.raises(BrokenErasureList):
        listing(place).entries()


def test_a_list_that_cannot_be_written_stops_the_erasure(tmp_path: Path) -> None:
    """An erasure would be confirmed that the next restore takes back."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        add(listing(str(tmp_path / "file")), FIRST, "a")


def test_a_look_at_the_list_changes_nothing(place: str, tmp_path: Path) -> None:
    """An operator would learn that nothing can be written when somebody asks to be forgotten."""
    assert listing(place).look() is None
    assert not Path(place).exists()
    add(listing(place), FIRST, "a")
    assert listing(place).look() == 1
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="file is no place"):
        listing(str(tmp_path / "file")).look()


@pytest.fixture(scope="module")
def object_store(server_directory: Path) -> Iterator[PrivateObjectStore]:
    with PrivateObjectStore(server_directory / "erasures-store") as store:
        yield store


@pytest.mark.servers
def test_the_list_can_be_in_a_bucket(
    object_store: PrivateObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever keeps it outside the machine would find out too late that it does not work."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    place = object_store.bucket("erasures")
    add(listing(place), FIRST, "a")
    add(listing(place), SECOND, "b")
    assert {entry.request_id for entry in listing(place).entries()} == {FIRST, SECOND}


@pytest.mark.servers
def test_a_bucket_that_is_not_there_is_seen_without_writing(
    object_store: PrivateObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation would begin whose list of erasures has no place."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    place = object_store.bucket("nobody-made-it")
    with pytest.raises(Unavailable, match="nobody-made-it is no place"):
        listing(place).look()
    add(listing(place), FIRST, "a")
    assert listing(place).look() == 1
    away = place.replace(f"%3A{object_store.port}", "%3A1")
    assert away != place
    with pytest.raises(Unavailable, match="does not answer"):
        listing(away).look()
