"""Nobody gets at another tenant's row in PostgreSQL, whatever SQL the application runs."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from chassis.database import sqlstate
from chassis.isolation import NO_TENANT
from chassis.isolation.shared_tables import NARROWER, WITHOUT_TENANT
from chassis.testing.servers import PrivatePostgreSQL
from divided_databases import (
    OURS,
    SERVICES,
    THEIRS,
    Divided,
    divided_databases,
    fill,
    insert,
)

pytestmark = pytest.mark.servers
DENIED = "42501"  # also what a policy says of a row that would be another tenant's
CHANGES = ("UPDATE {} SET tenant = tenant", "DELETE FROM {}")
NOT_FOR_THE_APPLICATION = (
    "SELECT * FROM events_0",
    "SELECT * FROM positions_0",
    "INSERT INTO events_0 SELECT * FROM events",
    "SELECT add_partitions('events', 900000000)",
    "SELECT * FROM next_events(1)",
    "SELECT name FROM checkpoints",
    "SELECT * FROM parked",
    "SELECT * FROM parked_audit",
    "UPDATE alembic_version SET version_num = '0'",
    "CREATE TABLE mine (tenant text)",
    "ALTER TABLE timers DISABLE ROW LEVEL SECURITY",
    "DROP POLICY one_tenant ON timers",
    "SET ROLE {owner}",
    "SET ROLE {system}",
)
NOT_FOR_THE_SYSTEM = (
    "UPDATE events SET type = 'x'",
    "DELETE FROM events",
    "DELETE FROM commands",
    "TRUNCATE positions",
    "DELETE FROM parked_audit",
    "CREATE TABLE mine (tenant text)",
    "SET ROLE {owner}",
)


@pytest.fixture(scope="module")
def databases(postgresql: PrivatePostgreSQL) -> Iterator[list[Divided]]:
    """Give every database, each with a row of the other tenant in each of its tables."""
    found = list(divided_databases(postgresql))
    for divided in found:
        fill(divided)
    yield found
    for divided in found:
        divided.close()


def test_every_table_has_a_policy_or_a_reason(databases: list[Divided]) -> None:
    """A new table would be open to every tenant, and nobody would have said why."""
    for divided in databases:
        for table in divided.tables():
            where = f"{divided.name}.{table.name}"
            if table.has_tenant:
                assert table.guarded, f"{where}: policies are not forced; run the migration job"
                assert set(table.policies) == {"every_tenant", "one_tenant"}, where
            else:
                assert table.name in WITHOUT_TENANT, (
                    f"{where} has no column tenant: give it one, or say in "
                    "chassis.isolation.shared_tables why it has none and who may use it"
                )


def test_every_reason_is_of_a_table_that_there_is(databases: list[Divided]) -> None:
    """A reason that outlives its table would excuse the next one of that name."""
    made_by_a_restore = {"restored"}
    found = {table.name for divided in databases for table in divided.tables()}
    assert found | made_by_a_restore >= WITHOUT_TENANT.keys() | NARROWER.keys()


def test_the_application_sees_and_changes_no_row_of_another_tenant(
    databases: list[Divided],
) -> None:
    """One forgotten condition in one statement would show a company's data to another."""
    tried = 0
    for divided in databases:
        for table in (one for one in divided.tables() if one.has_tenant):
            tried += 1
            name, where = table.name, f"{divided.name}.{table.name}"
            assert rows_seen(divided, OURS, name) in (0, None), where
            assert refused(divided, lambda db, name=name: insert(db, name, THEIRS)) == DENIED, where
            for change in CHANGES:
                assert changed(divided, change.format(name)) == 0, f"{where}: {change}"
            moved = f"UPDATE {name} SET tenant = '{OURS}' WHERE tenant = '{THEIRS}'"  # noqa: S608
            assert changed(divided, moved) == 0, where
            assert kept(divided, name) == 1, where
    assert tried > 60


def test_each_tenant_sees_its_own(databases: list[Divided]) -> None:
    """Policies that hide everything would look safe in every other test."""
    for divided in databases:
        for table in (one for one in divided.tables() if one.has_tenant):
            assert rows_seen(divided, THEIRS, table.name) in (1, None), table.name


def test_without_a_tenant_there_is_an_error_and_no_row(databases: list[Divided]) -> None:
    """Code that forgets to say whose data it wants would go on with an empty answer."""
    for divided in databases:
        for table in (one for one in divided.tables() if one.has_tenant):
            with pytest.raises(DBAPIError) as failed, divided.application.read() as db:
                db.execute(text(f'SELECT * FROM "{table.name}"'))  # noqa: S608
            assert sqlstate(failed.value) in (NO_TENANT, DENIED), table.name


def test_a_pooled_connection_forgets_its_tenant(databases: list[Divided]) -> None:
    """The next request on the connection would see the tenant before."""
    divided = databases[0]
    for _ in range(3):
        assert rows_seen(divided, THEIRS, "timers") == 1
        with pytest.raises(DBAPIError), divided.application.read() as db:
            db.execute(text("SELECT * FROM timers"))
    with pytest.raises(DBAPIError), divided.application.begin(THEIRS) as db:
        db.execute(text("SELECT 1 / 0 FROM timers"))
    with pytest.raises(DBAPIError), divided.application.read() as db:
        db.execute(text("SELECT * FROM timers"))
    assert divided.application.glance("SELECT count(*) FROM timers", bound_to=THEIRS) == (1,)
    assert divided.application.glance("SELECT count(*) FROM timers", bound_to=OURS) == (0,)


def test_the_application_reaches_nothing_behind_the_policies(databases: list[Divided]) -> None:
    """A partition, a function or another role would be a way around them."""
    for divided in databases[: len(SERVICES)]:
        for statement in NOT_FOR_THE_APPLICATION:
            assert denied(divided, statement, as_system=False), f"{divided.name}: {statement}"


def test_the_system_role_cannot_rewrite_the_log_or_the_schema(databases: list[Divided]) -> None:
    """Whoever takes over a publisher would change what happened."""
    for divided in databases[: len(SERVICES)]:
        for statement in NOT_FOR_THE_SYSTEM:
            assert denied(divided, statement, as_system=True), f"{divided.name}: {statement}"


def test_no_role_gets_past_its_policies(databases: list[Divided]) -> None:
    """A role with BYPASSRLS, or a superuser, sees every row whatever the policies say."""
    asked = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    for divided in databases:
        for database in (divided.owner, divided.application, divided.system):
            assert database.glance(asked) == (False,), divided.name


def rows_seen(divided: Divided, tenant: str, table: str) -> int | None:
    """Return how many rows the application sees, bound to a tenant; None where it sees no table."""
    try:
        with divided.application.read(tenant) as db:
            return int(db.execute(text(f'SELECT count(*) FROM "{table}"')).scalar_one())  # noqa: S608
    except DBAPIError as error:
        if sqlstate(error) != DENIED:
            raise
        return None


def refused(divided: Divided, attempt: Callable[[Connection], object]) -> str | None:
    """Return the code with which the application is refused something, bound to us."""
    with pytest.raises(DBAPIError) as failed, divided.application.begin(OURS) as db:
        attempt(db)
    return sqlstate(failed.value)


def changed(divided: Divided, statement: str) -> int:
    """Return how many rows the application changes, bound to us; none where it may not."""
    try:
        with divided.application.begin(OURS) as db:
            return db.execute(text(statement)).rowcount
    except DBAPIError as error:
        if sqlstate(error) != DENIED:
            raise
        return 0


def kept(divided: Divided, table: str) -> int:
    """Return how many of the other tenant's rows there still are, as they were."""
    asked = f"SELECT count(*) FROM {table} WHERE tenant = '{THEIRS}'"  # noqa: S608
    with divided.owner.read() as db:
        return int(db.execute(text(asked)).scalar_one())


def denied(divided: Divided, statement: str, *, as_system: bool) -> bool:
    """Say whether a statement is refused, for want of a right and nothing else."""
    prefix = f"sixfold_{divided.name}"
    said = statement.format(owner=f"{prefix}_owner", system=f"{prefix}_system")
    database = divided.system if as_system else divided.application
    try:
        with database.begin(None if as_system else OURS) as db:
            db.execute(text(said))
    except DBAPIError as error:
        return sqlstate(error) == DENIED
    return False
