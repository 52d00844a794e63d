"""Whatever is done to segments or to their log is noticed, and named with its position."""

from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archived_logs import EVENTS, SERVICE, SIZE, add, embedded_log, fill, folder_of, verified
from chassis.database import Database
from chassis.errors import Alarm, Invalid, Unavailable
from chassis.log_verify import BrokenLog
from chassis.segments import archiving, checking, manifest
from chassis.segments.archive import Archive, archive_at
from chassis.segments.archiving import archive
from chassis.segments.manifest import BrokenArchive, Manifest
from chassis.segments.store import Store, address_of


def test_segments_of_another_log_are_not_continued(
    log: Database, store: Store, tmp_path: Path
) -> None:
    """A second installation that is given the same place would spoil the first one's archive."""
    other = embedded_log(tmp_path, "other")
    with other.begin() as db:
        for number in range(EVENTS):
            add(db, number, payload=b'{"other":true}')
    archive(other, store, SERVICE, positions=SIZE)

    with pytest.raises(BrokenArchive, match="another log: position"):
        archive(log, store, SERVICE, positions=SIZE)
    with pytest.raises(BrokenLog, match=r"position 1: the log has not the event"):
        verified(log, store)
    with pytest.raises(BrokenArchive, match="stands in the manifest of commerce"):
        manifest.parsed((folder_of(tmp_path) / manifest.NAME).read_bytes(), "commerce")
    other.close()


def test_a_log_that_lost_its_tail_is_named(log: Database, store: Store, tmp_path: Path) -> None:
    """After a restore of an older copy, the archive knows more than the log does."""
    older = embedded_log(tmp_path, "older")
    fill(older, 70)
    archive(log, store, SERVICE, positions=SIZE)
    with pytest.raises(BrokenLog, match="position 71: the log ends before it"):
        verified(older, store)
    older.close()


def test_a_changed_log_is_named(log: Database, store: Store) -> None:
    """Somebody with the database's password rewrote the past; the archive tells where."""
    archive(log, store, SERVICE, positions=SIZE)
    with log.begin() as db:
        db.exec_driver_sql("DROP TRIGGER events_refuse_update")
        db.exec_driver_sql("UPDATE events SET actor = 'evil' WHERE position = 57")
    with pytest.raises(BrokenLog, match="position 57: the log has not the event that segment 41"):
        verified(log, store)


def tamper(path: Path, change: Any) -> None:
    path.write_bytes(change(path.read_bytes()))


def flipped(at: int) -> Any:
    return lambda found: found[:at] + bytes([found[at] ^ 1]) + found[at + 1 :]


def test_a_changed_or_missing_segment_is_named(log: Database, store: Store, tmp_path: Path) -> None:
    """Otherwise one would find out on the day that the archive is needed."""
    (_, second, _) = archive(log, store, SERVICE, positions=SIZE)
    path = folder_of(tmp_path) / second.file
    whole_file = path.read_bytes()

    for change in (flipped(100), flipped(len(whole_file) - 20), lambda found: found[:-9]):
        tamper(path, change)
        with pytest.raises(BrokenArchive, match=r"segment 41 to 80 of greeter: .* was changed"):
            verified(log, store)
        path.write_bytes(whole_file)
    path.unlink()
    with pytest.raises(BrokenArchive, match=r"segment 41 to 80 of greeter: .* is missing"):
        verified(log, store)
    with pytest.raises(BrokenArchive, match="is missing"):
        Archive(store, SERVICE).after(50, limit=1)


def test_a_segment_made_anew_with_other_events_is_named(
    log: Database, store: Store, tmp_path: Path
) -> None:
    """Somebody who can write the manifest too still cannot make chains that fit."""
    archive(log, store, SERVICE, positions=SIZE)
    known = Archive(store, SERVICE).manifest
    table = pq.read_table(folder_of(tmp_path) / known.segments[0].file)
    forged = archiving.Writer(tmp_path / "forged.parquet", SERVICE)
    rows = [one for block in Archive(store, SERVICE).events(known.segments[0]) for one in block]
    assert len(rows) == table.num_rows
    forged.write([rows[0]._replace(actor="user:evil"), *rows[1:]])
    forged.close()
    content = (tmp_path / "forged.parquet").read_bytes()
    digest = manifest.sha256(content).hexdigest()
    named = f"{known.segments[0].file[:32]}{digest[:16]}.parquet"
    entry = msgspec.structs.replace(known.segments[0], file=named, sha256=digest, size=len(content))
    listed = Manifest()
    for segment in (entry, *known.segments[1:]):
        listed = listed.with_one_more(segment)
    (folder_of(tmp_path) / named).write_bytes(content)
    store.put(manifest.NAME, BytesIO(listed.to_bytes()))

    with pytest.raises(BrokenArchive, match="segment 1 to 40 of greeter: position 1: the chain"):
        verified(log, store)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("content", "0" * 64, "its seal does not fit"),
        ("first", 67, "should begin at position 66"),
        ("count", 3, "cannot have 3 events"),
        ("service", "commerce", "stands in the manifest of greeter"),
        ("format", 2, "this build reads 1"),
        ("previous", "1" * 64, "is not sealed to the segment before it"),
        ("before", {}, "does not continue the lanes"),
        ("last", -1, "cannot be read"),
        ("file", "../../etc/passwd", "cannot be read"),
        ("surprise", 1, "cannot be read"),
    ],
)
def test_a_changed_manifest_is_named(
    archived_bytes: dict[str, bytes], field: str, value: object, said: str
) -> None:
    """Otherwise a segment can be exchanged together with what is said about it."""
    found = msgspec.json.decode(archived_bytes[manifest.NAME])
    found["segments"][1][field] = value
    with pytest.raises(BrokenArchive, match=said):
        manifest.parsed(msgspec.json.encode(found), SERVICE)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    drawn=st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=12)),
    in_manifest=st.booleans(),
)
def test_damaged_bytes_are_refused_in_words(
    archived_bytes: dict[str, bytes],
    tmp_path: Path,
    drawn: tuple[int, bytes],
    in_manifest: bool,  # noqa: FBT001
) -> None:
    """A damaged disk must not crash a reader, or feed it events that nobody recorded."""
    at, noise = drawn
    names = sorted(archived_bytes)
    name = manifest.NAME if in_manifest else names[0]
    intact = archived_bytes[name]
    start = at % len(intact)
    damaged = intact[:start] + noise + intact[start + len(noise) :]
    for other in names:
        path = tmp_path / "damaged" / SERVICE / other
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged if other == name else archived_bytes[other])
    if damaged == intact or (in_manifest and same_json(damaged, intact)):
        return
    with pytest.raises(Alarm, match="greeter"):
        read_in_every_way(archive_at(str(tmp_path / "damaged"), SERVICE))


def same_json(damaged: bytes, intact: bytes) -> bool:
    """Say whether only blanks between the values were touched."""
    try:
        return bool(msgspec.json.decode(damaged) == msgspec.json.decode(intact))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


class Files(dict[str, bytes]):
    """Files by name; a failing example must not print them."""

    def __repr__(self) -> str:
        return f"Files({sorted(self)})"


def read_in_every_way(archived: Archive) -> None:
    for segment in archived.manifest.segments:
        list(archived.events(segment))
        archived.lane_after(3, 0, limit=10)
        archived.stream("tenant-1", "thing-3")
        list(checking.checked(archived, segment, manifest.read_heads(segment.before)))


@pytest.fixture
def archived_bytes(log: Database, store: Store, tmp_path: Path) -> dict[str, bytes]:
    archive(log, store, SERVICE, positions=65)
    return Files({path.name: path.read_bytes() for path in folder_of(tmp_path).iterdir()})


class Cable:
    """A file at the other end of a network; reading fails while it is unplugged."""

    def __init__(self, file: Any, store: "RemoteStore") -> None:
        self._file = file
        self._store = store
        self.closed = False

    def read(self, count: int = -1) -> bytes:
        if self._store.unplugged:
            raise OSError(110, "timed out")
        return bytes(self._file.read(None if count < 0 else count))

    def seek(self, to: int, whence: int = 0) -> int:
        return int(self._file.seek(to, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self.closed = True


class RemoteStore(Store):
    """A store whose files are read over a cable."""

    unplugged = False

    def opened(self, name: str) -> Any:
        return pa.PythonFile(Cable(super().opened(name), self), mode="r")


def test_an_outage_is_not_taken_for_damage(log: Database, store: Store) -> None:
    """A network that fails for a minute must not stop readers until a person has looked."""
    (segment, *_) = archive(log, store, SERVICE, positions=SIZE)
    remote = RemoteStore(store._files, store._folder)
    archived = Archive(remote, SERVICE)
    assert len(archived.after(0, limit=5)) == 5
    remote.unplugged = True
    with pytest.raises(Unavailable):
        archived.after(segment.last, limit=5)
    remote.unplugged = False
    assert len(archived.after(segment.last, limit=5)) == 5


def test_an_archive_that_cannot_be_had_is_said_to_be(tmp_path: Path) -> None:
    """An operator who mistypes an address is told what is wrong with it."""
    assert archive_at(str(tmp_path / "nothing"), SERVICE).last == 0
    with pytest.raises(Invalid):
        archive_at("gopher://somewhere/else", SERVICE)
    with pytest.raises(Invalid, match="Credentials"):
        address_of("s3://key:secret@bucket/folder")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        archive_at(str(tmp_path / "file"), SERVICE)
