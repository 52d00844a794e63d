"""The version before runs on this tree's schema, and what it wrote is read as it was."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from chassis.migrations import compatible, config_for, folder_of, migrate, opened
from chassis.testing.servers import PrivatePostgreSQL
from kept_databases import on_postgresql, on_sqlite
from schema_changes import Shape, shapes_of, taken_away
from sixfold.parts import LOOP
from versions import CURRENT, KEPT, KEYS, PACKAGES, SOURCES, Version, kept, previous

READING = Path(__file__).with_name("reading.py")
ALL = (*PACKAGES, KEYS)
Rows = Mapping[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return previous(tmp_path_factory.mktemp("previous"))


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.tools),
        pytest.param("postgresql", marks=pytest.mark.servers),
    ]
)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """Give the kept databases, each by its name, as the version before left them."""
    if request.param == "sqlite":
        yield on_sqlite(tmp_path / "kept")
        return
    server: PrivatePostgreSQL = request.getfixturevalue("postgresql")
    named: Callable[[str], str] = "kept_{}".format
    restored = on_postgresql(lambda n: server.database(named(n)), lambda n: server.dsn(named(n)))
    yield restored
    for name in restored:
        server.drop_database(named(name))


def revisions(package: str) -> ScriptDirectory:
    return ScriptDirectory.from_config(config_for(package))


def since(package: str) -> list[Any]:
    """Return what was added after the kept version, oldest first."""
    released = kept()["revisions"][package]
    return list(revisions(package).iterate_revisions("head", released))[::-1]


@pytest.mark.parametrize("package", ALL)
def test_every_revision_since_says_of_which_kind_it_is(package: str) -> None:
    """Nobody would know whether the version before still runs once it is applied."""
    known = revisions(package)
    released = {r.revision for r in known.iterate_revisions(kept()["revisions"][package], "base")}
    for revision in since(package):
        name = f"{package} {revision.revision}"
        kind, oldest = compatible.phase_of(revision), getattr(revision.module, "oldest", None)
        assert kind in (compatible.EXPAND, compatible.CONTRACT), f"{name} needs a `phase`"
        assert (oldest is not None) == (kind == compatible.CONTRACT), f"{name}: `oldest` is for it"
        # The kept version is the one that must still run; what it needs goes one release later.
        assert oldest is None or oldest in released, f"{name} takes away what {oldest} began"


@pytest.mark.parametrize("package", ALL)
def test_a_released_revision_is_never_edited(package: str) -> None:
    """Installations that have run it would differ from new ones, and nothing would tell."""
    folder = "/".join(package.split("."))
    with tarfile.open(KEPT / SOURCES) as archive:
        released = {
            Path(member.name).name: archive.extractfile(member).read()  # type: ignore[union-attr]  # a file
            for member in archive
            if f"/src/{folder}/migrations/r" in member.name
        }
    assert released
    for name, content in released.items():
        assert (folder_of(package) / name).read_bytes() == content, (
            f"{package}: {name} was released"
        )


def names_of(package: str) -> list[str]:
    """Return the databases that a package's revisions are for."""
    return [f"{name}_keys" for name in PACKAGES] if package == KEYS else [package]


@pytest.mark.parametrize("package", ALL)
def test_what_calls_itself_an_expansion_only_adds(package: str, urls: Mapping[str, str]) -> None:
    """Processes of the version before would fail in the middle of an upgrade."""
    url = urls[names_of(package)[0]]
    for revision in since(package):
        with opened(url) as db:
            before = shapes_of(db)
        with opened(url) as db:
            command.upgrade(config_for(package, connection=db), revision.revision)
        with opened(url) as db:
            lost = taken_away(before, shapes_of(db))
        kind = compatible.phase_of(revision)
        assert not lost or kind == compatible.CONTRACT, f"{package} {revision.revision}: {lost}"
    assert migrate(url, package) == revisions(package).get_current_head()


TEXT = {"type": "TEXT", "nullable": True, "filled": False}
GIVEN = {**TEXT, "nullable": False}
SHELF = {"shelf": Shape(columns={"id": GIVEN, "label": TEXT}, key=("id",), unique=frozenset())}


@pytest.mark.parametrize(
    ("shelf", "lost"),
    [
        ({"id": GIVEN}, "column label is gone"),
        ({"id": GIVEN, "label": {**TEXT, "type": "INTEGER"}}, "label was TEXT and is INTEGER"),
        ({"id": GIVEN, "label": GIVEN}, "label may not be empty any more"),
        ({"id": GIVEN, "label": TEXT, "colour": GIVEN}, "colour is new and must be given"),
    ],
)
def test_a_tightened_table_is_told_from_one_that_grew(shelf: Mapping[str, Any], lost: str) -> None:
    """A contraction would pass as an expansion."""
    after = Shape(columns=shelf, key=("id",), unique=frozenset())
    assert lost in taken_away(SHELF, {"shelf": after})[0]
    assert taken_away(SHELF, {}) == ["table shelf is gone"]
    once = Shape(columns=SHELF["shelf"].columns, key=("id",), unique=frozenset({("label",)}))
    assert "only once" in taken_away(SHELF, {"shelf": once})[0]
    colour = {**TEXT, "nullable": False, "filled": True}
    grown = Shape(
        columns={"id": GIVEN, "label": TEXT, "colour": colour}, key=("id",), unique=frozenset()
    )
    assert taken_away(SHELF, {"shelf": grown, "case": grown}) == []


def rows_of(url: str, columns: Mapping[str, list[str]]) -> Rows:
    """Return what is in the named columns of tables."""
    with opened(url) as db:
        return {
            table: sorted((tuple(row) for row in db.execute(text(_all(table, of)))), key=repr)
            for table, of in columns.items()
            if table != "alembic_version"
        }


def _all(table: str, columns: list[str]) -> str:
    named = ", ".join(f'"{name}"' for name in columns)
    return f'SELECT {named} FROM "{table}"'  # noqa: S608  # names of our own database


def read_by(version: Version, service: str, urls: Mapping[str, str], key: str) -> dict[str, Any]:
    """Let a version start on its databases and read all of them."""
    done = subprocess.run(
        [sys.executable, str(READING), service, urls[service], urls[f"{service}_keys"], key],
        env=version.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_what_the_version_before_wrote_stays_and_is_read_by_both(
    urls: Mapping[str, str], before: Version, request: pytest.FixtureRequest
) -> None:
    """An upgrade would lose or change facts, or leave no way back."""
    kind = request.node.callspec.params["urls"]
    key = kept()["secrets"][kind]["master_key"]
    columns, rows = {}, {}
    for name, url in urls.items():
        with opened(url) as db:
            columns[name] = {table: list(of.columns) for table, of in shapes_of(db).items()}
        rows[name] = rows_of(url, columns[name])
    then = {service: read_by(before, service, urls, key) for service in PACKAGES}

    for package in ALL:
        for name in names_of(package):
            migrate(urls[name], package)

    for name, url in urls.items():
        assert rows_of(url, columns[name]) == rows[name], f"{name}: rows changed"
    for service in PACKAGES:
        for version in (before, CURRENT):
            found = read_by(version, service, urls, key)
            assert found["digest"] == then[service]["digest"]
            assert found["decoded"] == found["events"] == then[service]["events"]
            assert found["events"] or service == LOOP, f"nothing was kept of {service}"
            wrong = [name for name, one in found["read_models"].items() if not one["equal"]]
            assert not wrong, f"{service}: {version.name} builds {wrong} otherwise than they are"
