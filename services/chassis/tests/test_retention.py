"""What was kept long enough goes; what is still needed stays."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, insert, inspect, text

from archived_logs import fill as fill_log
from archived_logs import server_log
from chassis import audit, idempotency, retention
from chassis.clock import micros
from chassis.database import Database
from chassis.idempotency import Slot, StoredResponse
from chassis.ids import new_id
from chassis.migrations import migrate
from chassis.privacy import MemoryKeys
from chassis.retention import Terms
from chassis.segments.archiving import archive
from chassis.segments.manifest import BrokenArchive
from chassis.segments.releasing import release
from chassis.segments.store import store_at
from chassis.testing.contexts import NOW

SERVICE = "greeter"
ANSWER = StoredResponse(status=200, headers=(), body="{}")
TERMS = Terms(answers=timedelta(days=30), audit=timedelta(days=400))


def slot(key: str) -> Slot:
    return Slot(secret=b"s" * 32, tenant="acme", route="POST /v1/things", key=key)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/greeter.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    migrate(url, SERVICE)
    with closing(Database(url)) as opened:
        yield opened


def note_audit(database: Database, at: datetime) -> None:
    row = {
        "tenant": "acme",
        "entry_id": new_id(),
        "action": "parked.skip",
        "outcome": "done",
        "actor": "user:1",
        "at": micros(at),
        "data": '{"staff": "staff-1", "detail": null}',
    }
    with database.begin() as db:
        db.execute(insert(audit.TABLE).values(row))


def test_old_answers_and_audit_lines_go(database: Database) -> None:
    """Tables would grow for ever, and a repeat of today would get no answer."""
    for key, days in (("old", 31), ("new", 29)):
        with database.begin() as db:
            idempotency.remember(db, slot(key), b"d", ANSWER, NOW - timedelta(days=days))
    for days in (401, 399):
        note_audit(database, NOW - timedelta(days=days))
    done = retention.run({SERVICE: database.url}, TERMS, now=NOW)
    assert (done[SERVICE].answers, done[SERVICE].audit) == (1, 1)
    with database.read() as db:
        assert idempotency.find(db, slot("old"), b"d") is None
        assert idempotency.find(db, slot("new"), b"d") == ANSWER
        assert len(audit.listed(db, MemoryKeys(), "acme")) == 1
    again = retention.run({SERVICE: database.url}, TERMS, now=NOW)
    assert (again[SERVICE].answers, again[SERVICE].audit) == (0, 0)


@pytest.fixture
def left(postgresql_url: str, tmp_path: Path) -> Iterator[Database]:
    """Give a log whose oldest partitions were moved aside, with their segments in a folder."""
    with closing(server_log(postgresql_url)) as database:
        fill_log(database, 130)
        with database.begin() as db:
            for table in (idempotency.define_table, audit.define_table):
                table(MetaData()).create(db)
        place = str(tmp_path / "segments")
        archive(database, store_at(place, SERVICE), SERVICE, positions=40)
        release(database, SERVICE, place, up_to=120)
        yield database


def moved_aside(database: Database) -> set[str]:
    with database.read() as db:
        return set(inspect(db).get_table_names(schema="archived"))


@pytest.mark.servers
def test_partitions_that_left_the_log_go_once_the_segments_have_them(left: Database) -> None:
    """The room that was to be won would stay taken."""
    assert "events_0" in moved_aside(left)
    done = retention.run({SERVICE: left.url}, TERMS, now=NOW)
    assert "events_0" in done[SERVICE].tables
    assert moved_aside(left) == set()
    assert retention.run({SERVICE: left.url}, TERMS, now=NOW)[SERVICE].tables == ()


@pytest.mark.servers
@pytest.mark.parametrize("lost", ["everything", "a file", "a byte"])
def test_partitions_stay_whose_segments_are_not_whole(
    left: Database, tmp_path: Path, lost: str
) -> None:
    """The only copy of what was recorded would be dropped on the word of a list of files."""
    before, folder = moved_aside(left), tmp_path / "segments" / SERVICE
    file = min(folder.glob("*.parquet"))
    if lost == "everything":
        folder.rename(tmp_path / "away")
    elif lost == "a file":
        file.unlink()
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    note_audit(left, NOW - timedelta(days=401))
    with pytest.raises(BrokenArchive):
        retention.run({SERVICE: left.url}, TERMS, now=NOW)
    assert moved_aside(left) == before
    with left.read() as db:
        assert audit.listed(db, MemoryKeys(), "acme") == [], "nothing else waits for it"


@pytest.mark.servers
def test_what_somebody_else_put_beside_them_stays(left: Database) -> None:
    """Whoever kept an old export in that schema would lose it overnight."""
    with left.begin() as db:
        db.execute(text("CREATE TABLE archived.events_of_last_year (id int)"))
    retention.run({SERVICE: left.url}, TERMS, now=NOW)
    assert moved_aside(left) == {"events_of_last_year"}
