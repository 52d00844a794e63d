"""What was kept long enough goes; what is still needed stays."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

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


@pytest.mark.servers
def test_partitions_that_left_the_log_go_once_the_segments_have_them(
    postgresql_url: str, tmp_path: Path
) -> None:
    """The room that was to be won would stay taken, or the only copy would be dropped."""
    with closing(server_log(postgresql_url)) as database:
        fill_log(database, 130)
        with database.begin() as db:
            for table in (idempotency.define_table, audit.define_table):
                from sqlalchemy import MetaData  # noqa: PLC0415  # beside its one use

                table(MetaData()).create(db)
        place = str(tmp_path / "segments")
        archive(database, store_at(place, SERVICE), SERVICE, positions=40)
        release(database, SERVICE, place, up_to=120)
        moved = tmp_path / "segments" / SERVICE
        moved.rename(tmp_path / "away")
        kept = retention.run({SERVICE: postgresql_url}, TERMS, now=NOW)
        assert kept[SERVICE].tables == ()
        (tmp_path / "away").rename(moved)
        done = retention.run({SERVICE: postgresql_url}, TERMS, now=NOW)
        assert "events_0" in done[SERVICE].tables
        assert retention.run({SERVICE: postgresql_url}, TERMS, now=NOW)[SERVICE].tables == ()
