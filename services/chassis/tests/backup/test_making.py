"""A backup shows all databases at one moment, and a restore gives back every row."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from archived_logs import add, fill
from chassis import checkpoints
from chassis.backup import snapshots
from chassis.backup.forgetting import finish
from chassis.backup.loading import NotEmpty
from chassis.backup.making import make
from chassis.backup.restoring import restore
from chassis.backup.snapshots import TooBusy, one_moment
from chassis.backup.tables import RowsHidden
from chassis.database import Database
from chassis.errors import Invalid
from chassis.log import LaneHead
from chassis.migrations import ensure_current
from chassis.restored import RestoreUnfinished
from chassis.storage import live_log_on
from chassis.testing.object_store import ENVIRONMENT, PrivateObjectStore
from chassis.testing.servers import PrivatePostgreSQL
from copied_services import (
    EVENTS,
    PRODUCER,
    READER,
    UNPLACED,
    Urls,
    contents,
    files_in,
    filled,
    fresh_databases,
    log_of,
    read_on,
    shelf_at,
)  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Urls, Urls]]:
    """Give two filled databases and two empty ones, on either kind."""
    if request.param == "sqlite":
        source, target = files_in(tmp_path / "source"), files_in(tmp_path / "target")
        filled(source)
        yield source, target
        return
    server: PrivatePostgreSQL = request.getfixturevalue("postgresql")
    made = [fresh_databases(server, request) for _ in range(2)]
    source, target = map(next, made)
    filled(source)
    yield source, target
    for each in made:
        next(each, None)


def test_a_restored_backup_has_every_event_and_every_row(
    pair: tuple[Urls, Urls], tmp_path: Path
) -> None:
    """After a disaster something would be missing."""
    source, target = pair
    shelf = shelf_at(str(tmp_path / "backups"))
    manifest, checked = make(source, shelf)
    assert manifest.vector == {PRODUCER: EVENTS, READER: 0}
    assert checked.logs[PRODUCER].events == EVENTS
    restore(shelf.newest(), shelf, target)
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])
    before, after = contents(source[PRODUCER]), contents(target[PRODUCER])
    before["checkpoints"] = [row for row in before["checkpoints"] if "@" not in row[0]]
    assert after == before
    assert contents(target[READER]) == contents(source[READER])


def test_a_restored_log_goes_on(pair: tuple[Urls, Urls], tmp_path: Path) -> None:
    """A restored service could record nothing, or would number events twice."""
    source, target = pair
    shelf = shelf_at(str(tmp_path / "backups"))
    make(source, shelf)
    restore(shelf.newest(), shelf, target)
    with closing(Database(target[PRODUCER])) as database:
        waiting = 0 if database.is_sqlite else UNPLACED
        fill(database, 20, before=EVENTS + waiting)
    assert [event.position for event in log_of(target[PRODUCER])] == list(
        range(1, EVENTS + waiting + 21)
    )
    assert log_of(target[PRODUCER])[:EVENTS] == log_of(source[PRODUCER])


def test_the_same_rows_give_the_same_files(pair: tuple[Urls, Urls], tmp_path: Path) -> None:
    """Nobody could see from two backups that nothing changed between them."""
    source, _ = pair
    first, second = (make(source, shelf_at(str(tmp_path / "backups")))[0] for _ in range(2))
    if first.databases[0].dialect == "postgresql":
        assert first.databases == second.databases
    assert first.vector == second.vector


def test_no_process_starts_before_those_forgotten_are_forgotten_again(
    pair: tuple[Urls, Urls], tmp_path: Path
) -> None:
    """A service would serve people whom it promised to forget."""
    source, target = pair
    shelf = shelf_at(str(tmp_path / "backups"))
    make(source, shelf)
    restore(shelf.newest(), shelf, target)
    with pytest.raises(RestoreUnfinished, match="list of erasures"):
        ensure_current(target[PRODUCER], PRODUCER)
    finish(target, [])
    ensure_current(target[PRODUCER], PRODUCER)
    ensure_current(source[PRODUCER], PRODUCER)


def test_only_an_empty_database_is_restored_into(pair: tuple[Urls, Urls], tmp_path: Path) -> None:
    """A mistyped address would overwrite what runs."""
    source, target = pair
    shelf = shelf_at(str(tmp_path / "backups"))
    first, second = (make(source, shelf)[0] for _ in range(2))
    before = log_of(source[PRODUCER])
    with pytest.raises(NotEmpty):
        restore(first, shelf, source)
    restore(first, shelf, target)
    with pytest.raises(NotEmpty, match="already restored"):
        restore(second, shelf, target)
    assert log_of(source[PRODUCER]) == before


def test_a_reader_is_never_ahead_of_its_log(pair: tuple[Urls, Urls], tmp_path: Path) -> None:
    """Every restore would begin with an alarm: the log is shorter than what was read of it."""
    source, _ = pair
    looked = snapshots._look

    def late(view: object, *, again: bool) -> None:
        """Let the producer write and the reader read while the others are looked at."""
        looked(view, again=again)  # type: ignore[arg-type]  # passed on
        if not again and not late_done:
            late_done.append(1)
            with closing(Database(source[PRODUCER])) as database:
                fill(database, 20, before=EVENTS + (0 if database.is_sqlite else UNPLACED))
                with database.read() as db:
                    heads = live_log_on(db).lane_heads()
            read_on(source, heads)

    late_done: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "_look", late)
        ordered = {PRODUCER: source[PRODUCER], READER: source[READER]}
        manifest, _ = make(ordered, shelf_at(str(tmp_path / "backups")))
    assert manifest.looks >= 1
    place = manifest.database(PRODUCER).log
    assert place is not None
    with closing(Database(source[READER])) as database, database.read() as db:
        seen = checkpoints.load(db, f"{READER}.on.{PRODUCER}")
    assert all(place.heads[lane].position >= head.position for lane, head in seen.items())
    assert manifest.looks == 2


def test_databases_that_never_agree_are_not_backed_up(tmp_path: Path) -> None:
    """A backup of a log that lost its tail would be taken for a good one."""
    source = files_in(tmp_path / "source")
    filled(source)
    with closing(Database(source[READER])) as database, database.begin() as db:
        name = f"{READER}.on.{PRODUCER}"
        (lane, old), *_ = checkpoints.load(db, name).items()
        ahead = LaneHead(position=old.position + 1, chain=old.chain)
        checkpoints.move(db, name, lane, old=old, new=ahead)
    databases = {service: Database(url) for service, url in source.items()}
    with pytest.raises(TooBusy, match=PRODUCER), one_moment(databases, looks=3):
        pass


def test_nothing_is_no_backup(tmp_path: Path) -> None:
    """An empty list of databases would look like a good night."""
    with pytest.raises(Invalid):
        make({}, shelf_at(str(tmp_path)))


@pytest.mark.servers
def test_many_partitions_come_back(postgresql_url: str, tmp_path: Path) -> None:
    """A log of some age has rows where a new one has no partition yet."""
    migrate_and_skip(postgresql_url)
    shelf = shelf_at(str(tmp_path / "backups"))
    make({PRODUCER: postgresql_url}, shelf)
    manifest = shelf.newest()
    assert manifest.database(PRODUCER).table("events").span == (1, 7_000_025)
    with closing(Database(postgresql_url)) as database, database.begin() as db:
        db.execute(text("DROP SCHEMA public CASCADE"))
        db.execute(text("CREATE SCHEMA public"))
    restore(manifest, shelf, {PRODUCER: postgresql_url})
    assert len(log_of(postgresql_url)) == 50


def migrate_and_skip(url: str) -> None:
    """Fill a log with a long hole in the numbers of its rows, as many rollbacks leave it."""
    from chassis.migrations import migrate  # noqa: PLC0415  # beside its one use

    migrate(url, PRODUCER)
    with closing(Database(url)) as database:
        fill(database, 25)
        with database.begin() as db:
            db.execute(text("SELECT add_partition('events', n) FROM generate_series(4, 8) n"))
            db.execute(text("SELECT setval('event_rows', 7000000)"))
        fill(database, 25, before=25)


@pytest.mark.servers
def test_a_role_that_does_not_see_every_row_makes_no_backup(
    postgresql: PrivatePostgreSQL, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The rows of all tenants but one would be missing, and nobody would know."""
    databases = fresh_databases(postgresql, request)
    source = next(databases)
    filled(source)
    with closing(Database(source[PRODUCER])) as database, database.begin() as db:
        db.execute(text("ALTER TABLE counted ENABLE ROW LEVEL SECURITY"))
        db.execute(text("CREATE ROLE shortsighted LOGIN"))
        db.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO shortsighted"))
        db.execute(text("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO shortsighted"))
    shelf = shelf_at(str(tmp_path / "backups"))
    url = source[PRODUCER]
    short = url.replace("//sixfold@", "//shortsighted@")
    with pytest.raises(RowsHidden, match="counted"):
        make({PRODUCER: short}, shelf)
    assert list(shelf.finished()) == []
    make({PRODUCER: url}, shelf)
    with closing(Database(url)) as database, database.begin() as db:
        db.execute(text("DROP OWNED BY shortsighted"))
        db.execute(text("DROP ROLE shortsighted"))
    next(databases, None)


@pytest.mark.servers
def test_a_backup_can_be_in_a_bucket(
    server_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever keeps backups outside the machine would find out too late that it does not work."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    source, target = files_in(tmp_path / "source"), files_in(tmp_path / "target")
    filled(source)
    with PrivateObjectStore(server_directory / "backups-store") as store:
        shelf = shelf_at(store.bucket("backups"))
        kept, dropped = (make(source, shelf)[0] for _ in range(2))
        shelf.remove(dropped.id)
        assert shelf.names() == [kept.id]
        restore(shelf.newest(), shelf, target)
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])


def test_what_is_written_meanwhile_is_not_in_the_backup(
    pair: tuple[Urls, Urls],
) -> None:
    """Tables of one database would be of different moments."""
    source, _ = pair
    databases = {PRODUCER: Database(source[PRODUCER])}
    with one_moment(databases) as moment:
        with closing(Database(source[PRODUCER])) as other, other.begin() as db:
            add(db, EVENTS + (0 if other.is_sqlite else UNPLACED))
        view = moment.views[PRODUCER]
        known = int(view.execute(text("SELECT count(*) FROM events")).scalar_one())
        assert known == EVENTS + (0 if databases[PRODUCER].is_sqlite else UNPLACED)
        if not databases[PRODUCER].is_sqlite:
            with pytest.raises(DBAPIError, match="read-only"):
                view.execute(text("DELETE FROM counted"))
    databases[PRODUCER].close()
