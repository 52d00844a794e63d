"""Where a drill restores to: databases of its own, gone when it ends."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Connection, create_engine, make_url, text

from chassis.backup.manifest import Manifest
from chassis.errors import Invalid

PREFIX = "sixfold_drill"


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
    """Give empty databases of the kind that a backup is of.

    Args:
        manifest: Of the backup.
        server: A PostgreSQL database whose role may make and drop others beside it.

    Raises:
        Invalid: the backup needs a server, and none is named.
    """
    if {copy.dialect for copy in manifest.databases} == {"sqlite"}:
        with TemporaryDirectory(prefix="sixfold-drill-") as folder:
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
        _drop(db, names.values())
        try:
            for name in names.values():
                db.execute(text(f'CREATE DATABASE "{name}"'))
            yield Ground(
                databases={each: _on(url, names[each]) for each in manifest.services},
                keys={each: _on(url, names[f"{each}_keys"]) for each in manifest.services},
            )
        finally:
            _drop(db, names.values())


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
