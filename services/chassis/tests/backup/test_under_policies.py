"""Databases in which row-level security is forced on everybody are copied and restored whole."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select, text

from bus_service import registry
from chassis import lookups, restored
from chassis.backup.forgetting import Forgotten, finish, remove_rows
from chassis.backup.making import make
from chassis.backup.restoring import restore
from chassis.backup.tables import RowsHidden
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.erasure import keeps_nothing
from chassis.ids import new_id
from chassis.isolation import Roles
from chassis.isolation.creating import database_statements, role_statements, schema_statements
from chassis.isolation.securing import secure
from chassis.migrations import migrate
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.testing.fixtures import fresh_name
from chassis.testing.servers import PrivatePostgreSQL
from copied_services import EVENTS, PRODUCER, READER, Urls, contents, filled, log_of, shelf_at

pytestmark = pytest.mark.servers
ROLES = Roles.named("sixfold_backup_tests")


def as_role(url: str, role: str) -> str:
    return url.replace("//sixfold@", f"//{role}@")


def made_for_three(server: PrivatePostgreSQL, name: str) -> str:
    """Make a database for three roles; return its address as the owner."""
    url = server.database(name)
    with closing(Database(url)) as database:
        for statement in role_statements(ROLES):
            with database.begin() as db:
                db.execute(text(statement))
        with database.begin() as db:
            for statement in (*database_statements(ROLES, name), *schema_statements(ROLES)):
                db.execute(text(statement))
    return as_role(url, ROLES.owner)


def secured(url: str) -> None:
    with closing(Database(url)) as database, database.begin() as db:
        secure(db, ROLES)


def policies(url: str) -> int:
    """Return how many tables force their policies on everybody."""
    forced = "SELECT count(*) FROM pg_class WHERE relforcerowsecurity AND relrowsecurity"
    with closing(Database(url)) as database, database.read() as db:
        return int(db.execute(text(forced)).scalar_one())


@pytest.fixture
def pair(postgresql: PrivatePostgreSQL, request: pytest.FixtureRequest) -> Iterator[list[Urls]]:
    names = [fresh_name(request) for _ in range(4)]
    urls = [made_for_three(postgresql, name) for name in names]
    yield [{PRODUCER: urls[0], READER: urls[1]}, {PRODUCER: urls[2], READER: urls[3]}]
    for name in names:
        postgresql.drop_database(name)


def test_what_policies_hide_from_others_is_copied_and_comes_back(
    pair: list[Urls], tmp_path: Path
) -> None:
    """A backup would lack every tenant's rows, or could not be restored where policies are."""
    source, target = pair
    filled(source)
    for url in source.values():
        secured(url)
    assert policies(source[PRODUCER])
    shelf = shelf_at(str(tmp_path / "backups"))
    manifest, _ = make(source, shelf)
    for url, service in ((target[PRODUCER], PRODUCER), (target[READER], READER)):
        # As a migration leaves it that brings policies along, before any row is there.
        with closing(Database(url)) as database, database.begin() as db:
            restored.begin(db, manifest.id, 1)
        migrate(url, service)
        secured(url)
    restore(manifest, shelf, target)
    finish(target, [])
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])
    assert len(log_of(target[PRODUCER])) == EVENTS
    assert contents(target[PRODUCER])["counted"] == contents(source[PRODUCER])["counted"]
    assert policies(target[PRODUCER]) == policies(source[PRODUCER])


def test_the_owner_removes_rows_of_whoever_was_forgotten(pair: list[Urls]) -> None:
    """After a restore where policies are, look-ups would still find who is forgotten."""
    url = pair[0][PRODUCER]
    migrate(url, PRODUCER)
    secured(url)
    storage = Storage(
        service=PRODUCER, database=Database(url), registry=registry, keys=MemoryKeys(),
        clock=SystemClock(), secret=SECRET,
    )  # fmt: skip
    lookup = lookups.define_table(MetaData())
    for tenant, subject in (("acme", "p1"), ("acme", "p2"), ("other", "p1")):
        with storage.database.begin(tenant) as db:
            row = {"tenant": tenant, "kind": "email", "token": subject, "subject": subject}
            db.execute(lookup.insert().values(row))
    forgotten = Forgotten(tenant="acme", request_id=new_id(), subjects=("p1",))
    with closing(storage.database):
        assert remove_rows(storage, keeps_nothing, [forgotten]) == []
        with storage.database.read() as db:
            left = db.execute(select(lookup.c.tenant, lookup.c.subject).order_by("tenant")).all()
    assert [tuple(each) for each in left] == [("acme", "p2"), ("other", "p1")]


@pytest.mark.parametrize("role", [ROLES.application])
def test_the_application_makes_no_backup(pair: list[Urls], tmp_path: Path, role: str) -> None:
    """One tenant's rows would be taken for everybody's."""
    source, _ = pair
    filled(source)
    for url in source.values():
        secured(url)
    shelf = shelf_at(str(tmp_path / "backups"))
    url = source[PRODUCER].replace(f"//{ROLES.owner}@", f"//{role}@")
    with pytest.raises(RowsHidden):
        make({PRODUCER: url}, shelf)
    assert list(shelf.finished()) == []
