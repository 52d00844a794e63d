"""Keep a released version for the tests of the next: ``python tests/operations/keeping.py COMMIT``.

Kept are its sources, as they are in the repository, and databases that its own processes wrote,
on SQLite and on PostgreSQL.  Run once after a release, from the released commit's tree.
"""

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "journeys")]

from chassis.testing.programs import find_postgresql, run_directory
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from kill_load import Town, started_at, visits
from site_of_two import Site
from versions import CURRENT, KEPT, KEYS, PACKAGES, ROOT, SOURCES, VERSION, Version, previous

VISITS, ORDERS = 8, 6
LEFT_OUT = ("src/chassis/testing/", "/loop/static/")  # no process of a service reads these
REVISIONS = """
import sys
from alembic.script import ScriptDirectory
from chassis.migrations import config_for
for package in sys.argv[1:]:
    print(package, ScriptDirectory.from_config(config_for(package)).get_current_head())
"""


def keep_sources(commit: str) -> None:
    """Write a commit's sources, always the same bytes for the same commit."""
    folders = [f"services/{name}/src" for name in ("chassis", *PACKAGES)]
    command = ["git", "archive", commit, *folders]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with (
        tarfile.open(fileobj=io.BytesIO(made)) as whole,
        tarfile.open(KEPT / SOURCES, "w:bz2", compresslevel=9, format=tarfile.USTAR_FORMAT) as kept,
    ):
        for member in sorted(whole.getmembers(), key=lambda member: member.name):
            if member.isfile() and not any(part in member.name for part in LEFT_OUT):
                kept.addfile(member, whole.extractfile(member))


def revisions_of(version: Version) -> dict[str, str]:
    """Return at which revision a version's databases are."""
    command = [sys.executable, "-c", REVISIONS, *PACKAGES, KEYS]
    environment = version.environment()
    said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(line.split() for line in said.stdout.splitlines())


def write_down(commit: str, **more: object) -> None:
    """Write what the tests must know of the kept version."""
    starts = {role: list(words) for role, words in CURRENT.starts.items()}
    known = {"commit": commit, "starts": starts, **more}
    (KEPT / VERSION).write_text(json.dumps(known, indent=1) + "\n")


@contextmanager
def played(directory: Path, broker: PrivateRabbitMQ, urls: Mapping[str, str]) -> Iterator[Site]:
    """Let the kept version take orders, mentions and replies until all are done with, and stop."""
    busy = visits()[:VISITS]
    site = Site(
        directory,
        amqp_uri=broker.vhost(directory.name),
        databases={name: urls[name] for name in PACKAGES},
        keys={name: urls[f"{name}_keys"] for name in PACKAGES},
        start_at=started_at(busy),
    )
    before = previous(directory / "previous")
    try:
        site.start_world()
        site.migrate(before)
        site.start(before)
        town = Town(site, busy)  # type: ignore[arg-type]  # a site has what a town needs of a stack
        with town.busy():
            while town.placed < ORDERS:
                town.check_customers()
                time.sleep(0.1)
        town.finish()
        site.leave(before)
        yield site
    finally:
        site.close()


def keep_sqlite(directory: Path, broker: PrivateRabbitMQ) -> Mapping[str, str]:
    """Keep databases of SQLite; return the secrets of the installation that wrote them."""
    names = [*PACKAGES, *(f"{name}_keys" for name in PACKAGES)]
    urls = {name: f"sqlite:///{directory}/data/{name}.db" for name in names}
    with (
        played(directory, broker, urls) as site,
        tarfile.open(KEPT / "sqlite.tar.xz", "w:xz") as kept,
    ):
        for name in names:
            whole = directory / f"{name}.db"
            with closing(sqlite3.connect(directory / f"data/{name}.db")) as database:
                database.execute(f"VACUUM INTO '{whole}'")
            kept.add(whole, whole.name, filter=_nobodys)
        return {"secret": site.secrets.secret, "master_key": site.secrets.master_key}


def keep_postgresql(directory: Path, broker: PrivateRabbitMQ) -> Mapping[str, str]:
    """Keep databases of PostgreSQL as SQL; return the installation's secrets."""
    names = [*PACKAGES, *(f"{name}_keys" for name in PACKAGES)]
    dump = [str(find_postgresql().bin / "pg_dump"), "--no-owner", "--rows-per-insert=500"]
    with PrivatePostgreSQL(fsync=False) as server:
        urls = {name: server.database(name) for name in names}
        with (
            played(directory, broker, urls) as site,
            tarfile.open(KEPT / "postgresql.tar.xz", "w:xz") as kept,
        ):
            for name in names:
                file = directory / f"{name}.sql"
                subprocess.run([*dump, f"--file={file}", server.dsn(name)], check=True)
                kept.add(file, file.name, filter=_nobodys)
            return {"secret": site.secrets.secret, "master_key": site.secrets.master_key}


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def main(commit: str) -> None:
    """Keep one commit."""
    KEPT.mkdir(exist_ok=True)
    keep_sources(commit)
    write_down(commit)
    scratch = run_directory() / "keeping"
    shutil.rmtree(scratch, ignore_errors=True)
    revisions = revisions_of(previous(scratch / "previous"))
    with PrivateRabbitMQ(fsync=False) as broker:
        known = {
            "sqlite": keep_sqlite(scratch / "sqlite", broker),
            "postgresql": keep_postgresql(scratch / "postgresql", broker),
        }
    start = started_at(visits()[:VISITS]).isoformat()
    write_down(commit, revisions=revisions, start_at=start, secrets=known)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main(sys.argv[1])
