"""Where a drill restores to: databases of its own, gone when it ends, or when the next one begins.

They hold restored keys of people.  A drill that was killed cannot drop them: so each one holds a
lock for as long as it lives, and whatever nobody holds is dropped by the next.
"""

import fcntl
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir

from sqlalchemy import URL, Connection, create_engine, make_url, text

from chassis.backup.manifest import Manifest
from chassis.errors import Invalid

PREFIX = "sixfold_drill"
FOLDER = "sixfold-drill-"
ALIVE = "alive"
_NAME = re.compile(rf"{PREFIX}_([0-9a-f]{{8}})_[a-z_]+")
_LOCKS = 0x51F0_D811 << 32
_LEFT = """SELECT datname FROM pg_database d
WHERE pg_has_role(current_user, d.datdba, 'USAGE') AND NOT EXISTS (
    SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Empty databases, by service.

    Args:
        databases: For the logs.
        keys: For the keys.
    """

    databases: dict[str, str]
    keys: dict[str, str]


@contextmanager
def ground_for(manifest: Manifest, server: str | None) -> Iterator[Ground]:
    """Give empty databases of the kind that a backup is of, and drop what killed drills left.

    Args:
        manifest: Of the backup.
        server: A PostgreSQL database whose role may make and drop others beside it.

    Raises:
        Invalid: the backup needs a server, and none is named.
    """
    if {copy.dialect for copy in manifest.databases} == {"sqlite"}:
        sweep_folders(Path(gettempdir()))
        with TemporaryDirectory(prefix=FOLDER) as folder, _held(Path(folder)):
            yield Ground(
                databases=_files(Path(folder), manifest.services),
                keys=_files(Path(folder), manifest.services, "_keys"),
            )
        return
    if server is None:
        raise Invalid({"SIXFOLD_DRILL_SERVER": ["is required: a PostgreSQL to restore on"]})
    url, mark = make_url(server), token_hex(4)
    names = {
        service: f"{PREFIX}_{mark}_{service}"
        for service in (*manifest.services, *(f"{each}_keys" for each in manifest.services))
    }
    with _administrator(url) as db:
        sweep_databases(db)
        _lock(db, mark)
        try:
            for name in names.values():
                db.execute(text(f'CREATE DATABASE "{name}"'))
            yield Ground(
                databases={each: _on(url, names[each]) for each in manifest.services},
                keys={each: _on(url, names[f"{each}_keys"]) for each in manifest.services},
            )
        finally:
            _drop(db, names.values())


def sweep_databases(db: Connection) -> list[str]:
    """Drop the databases of drills that live no more; return their names.

    Args:
        db: Of the server's administrator, committing each statement.
    """
    found = db.execute(text(_LEFT)).scalars()
    marks = {name: match[1] for name in found if (match := _NAME.fullmatch(name))}
    # A living one may have no session at the moment.
    dead = {mark for mark in set(marks.values()) if _lock(db, mark)}
    left = sorted(name for name, mark in marks.items() if mark in dead)
    _drop(db, left)
    for mark in dead:
        db.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _key(mark)})
    return left


def sweep_folders(place: Path) -> list[Path]:
    """Remove the folders of drills that live no more; return them."""
    left = []
    for folder in place.glob(f"{FOLDER}*"):
        try:
            with (folder / ALIVE).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                rmtree(folder)
        except OSError:
            continue  # it is held, another user's, or gone meanwhile
        left.append(folder)
    return left


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    unheld = folder / "begins"
    with unheld.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        unheld.rename(folder / ALIVE)  # nobody sees it before it is held
        yield


def _lock(db: Connection, mark: str) -> bool:
    return bool(db.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _key(mark)}).scalar())


def _key(mark: str) -> int:
    return _LOCKS | int(mark, 16)


def _files(folder: Path, services: Iterable[str], more: str = "") -> dict[str, str]:
    return {each: f"sqlite:///{folder}/{each}{more}.db" for each in services}


@contextmanager
def _administrator(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as db:
            yield db
    finally:
        engine.dispose()


def _drop(db: Connection, names: Iterable[str]) -> None:
    for name in names:
        db.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def _on(url: URL, name: str) -> str:
    return url.set(database=name).render_as_string(hide_password=False)
