"""A schema moves forward once, and no process runs on one that is too old."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, String, Table, inspect, text

from chassis.database import Database
from chassis.migrations import SchemaNewer, SchemaOlder, current_revision, ensure_current, migrate
from chassis.migrations.drafting import draft_revision
from chassis.testing.migrations import assert_migrations_match

PACKAGE = "a_drafted_package"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "packages" / PACKAGE
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(folder.parent))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.sqlite"


def tables(*extra: str) -> MetaData:
    metadata = MetaData()
    Table(
        "shelf",
        metadata,
        Column("id", Integer, primary_key=True),
        *(Column(name, String(20), nullable=True) for name in extra),
        Index("shelf_by_id", "id"),
    )
    return metadata


def test_a_drafted_revision_makes_the_tables(package: Path, url: str) -> None:
    """A service's first tables need no migration written by hand."""
    written = draft_revision(PACKAGE, tables("label"), "Add the shelf")

    assert written == package / "migrations" / "r0001_add_the_shelf.py"
    assert "MetaData" not in written.read_text()
    assert migrate(url, PACKAGE) == current_revision(url) == "0001"
    assert_migrations_match(PACKAGE, tables("label"), url)


def test_a_change_becomes_the_next_revision(url: str) -> None:
    """Rows stay where they are while their table grows."""
    draft_revision(PACKAGE, tables(), "Add the shelf")
    migrate(url, PACKAGE)
    with Database(url).begin() as db:
        db.execute(text("INSERT INTO shelf (id) VALUES (7)"))

    draft_revision(PACKAGE, tables("label"), "Label the shelf")

    assert migrate(url, PACKAGE) == "0002"
    with Database(url).read() as db:
        found = db.execute(text("SELECT id, label FROM shelf")).all()
    assert [tuple(row) for row in found] == [(7, None)]


def test_migrating_again_changes_nothing(url: str) -> None:
    """An operator may run the job as often as a deployment does."""
    draft_revision(PACKAGE, tables(), "Add the shelf")

    assert [migrate(url, PACKAGE) for _ in range(3)] == ["0001"] * 3


def test_two_jobs_at_once_migrate_once(url: str) -> None:
    """Two pods that start the job together do not collide."""
    draft_revision(PACKAGE, tables(), "Add the shelf")

    jobs = [start_job(url) for _ in range(4)]

    assert [job.communicate(timeout=60)[0].splitlines()[-1] for job in jobs] == ["0001"] * 4
    assert [job.returncode for job in jobs] == [0] * 4


def start_job(url: str) -> "subprocess.Popen[str]":
    program = "import sys; from chassis.migrations import migrate; print(migrate(*sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", program, url, PACKAGE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_threads_of_one_process_may_migrate_at_once(tmp_path: Path) -> None:
    """Services that share a process can bring their databases up together."""
    draft_revision(PACKAGE, tables(), "Add the shelf")
    urls = [f"sqlite:///{tmp_path}/{number}.sqlite" for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda url: migrate(url, PACKAGE), urls)) == {"0001"}


def test_a_changed_table_without_a_revision_is_noticed(url: str) -> None:
    """Nobody ships code whose table no installation has."""
    draft_revision(PACKAGE, tables(), "Add the shelf")

    with pytest.raises(AssertionError, match="draft a revision"):
        assert_migrations_match(PACKAGE, tables("label"), url)


def test_a_table_made_by_hand_is_left_alone(package: Path, url: str) -> None:
    """Partitions and triggers, which no tool drafts, live beside drafted tables."""
    drafted = draft_revision(PACKAGE, tables(), "Add the shelf")
    by_hand = 'op.execute("CREATE TABLE by_hand (id INTEGER)")\n'
    drafted.write_text(f"{drafted.read_text()}    {by_hand}")

    draft_revision(PACKAGE, tables("label"), "Label the shelf", elsewhere={"by_hand"})

    assert_migrations_match(PACKAGE, tables("label"), url, elsewhere={"by_hand"})
    with Database(url).read() as db:
        assert inspect(db).has_table("by_hand")
    assert len(list((package / "migrations").glob("r*.py"))) == 2


def test_an_older_schema_is_refused(url: str) -> None:
    """A process that would fail on its first statement does not start."""
    draft_revision(PACKAGE, tables(), "Add the shelf")
    with pytest.raises(SchemaOlder, match="needs revision 0001, the database is at None"):
        ensure_current(url, PACKAGE)

    migrate(url, PACKAGE)
    ensure_current(url, PACKAGE)

    draft_revision(PACKAGE, tables("label"), "Label the shelf")
    with pytest.raises(SchemaOlder, match="needs revision 0002, the database is at 0001"):
        ensure_current(url, PACKAGE)


def test_a_newer_schema_is_fine(package: Path, url: str) -> None:
    """While an upgrade rolls out, pods of the version before keep running."""
    draft_revision(PACKAGE, tables(), "Add the shelf")
    newer = draft_revision(PACKAGE, tables("label"), "Label the shelf")
    migrate(url, PACKAGE)
    newer.unlink()

    assert len(list((package / "migrations").glob("r*.py"))) == 1
    ensure_current(url, PACKAGE)


def test_a_failing_revision_leaves_nothing_behind(url: str) -> None:
    """An upgrade that breaks can be tried again from where it was."""
    drafted = draft_revision(PACKAGE, tables(), "Add the shelf")
    drafted.write_text(f"{drafted.read_text()}    raise RuntimeError\n")

    with pytest.raises(RuntimeError):
        migrate(url, PACKAGE)

    assert current_revision(url) is None
    with Database(url).read() as db:
        assert not inspect(db).has_table("shelf")


def take_away(package: Path, oldest: str) -> Path:
    """Draft a revision by which the shelf loses its label, once nobody reads it."""
    written = draft_revision(package.name, tables(), "Take the label away")
    text = written.read_text().replace('"expand"', f'"contract"\noldest: str = "{oldest}"')
    written.write_text(text)
    return written


def test_a_schema_that_took_something_away_is_refused(package: Path, url: str) -> None:
    """A rollback by two versions would start processes that fail at every statement."""
    draft_revision(PACKAGE, tables("label"), "Add the shelf")
    kept = draft_revision(PACKAGE, tables("label", "colour"), "Colour the shelf")
    migrate(url, PACKAGE)
    contracted = take_away(package, "0002")
    migrate(url, PACKAGE)
    contracted.unlink()

    ensure_current(url, PACKAGE)
    kept.unlink()
    with pytest.raises(SchemaNewer, match=r"at revision 0001, the database at 0003, .* 0002"):
        ensure_current(url, PACKAGE)


def test_a_newer_schema_that_says_nothing_is_refused(url: str) -> None:
    """Nobody would know whether this build writes into it what the newer one can't read."""
    draft_revision(PACKAGE, tables(), "Add the shelf")
    newer = draft_revision(PACKAGE, tables("label"), "Label the shelf")
    migrate(url, PACKAGE)
    newer.unlink()
    with Database(url).begin() as db:
        db.execute(text("UPDATE alembic_version SET oldest = NULL"))

    with pytest.raises(SchemaNewer, match="nobody knows"):
        ensure_current(url, PACKAGE)
