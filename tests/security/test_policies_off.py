"""Row-level security that is off is noticed, before an installation and at each start."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from chassis import run
from chassis.database import Database
from chassis.isolation import Roles
from chassis.isolation.checking import TenantsNotApart, ensure_apart
from chassis.isolation.securing import secure
from chassis.migrations import migrate
from chassis.settings import from_environment
from chassis.testing.fixtures import fresh_name
from chassis.testing.servers import PrivatePostgreSQL
from chassis.testing.three_roles import Addresses, divided
from chassis.testing.web import AUDIENCE, ISSUER, Tokens
from service_process import KEY

pytestmark = pytest.mark.servers
SERVICE = "identity"
PREFIX = "sixfold_policies_off"
ROLES = Roles.named(PREFIX)
APART = {
    f"{name} {what}"
    for name in ("database", "keys database")
    for what in ("owner", "policies")
} | {"application role", "keys application role"}  # fmt: skip

NOT_FORCED = "ALTER TABLE timers NO FORCE ROW LEVEL SECURITY"
TABLES = {
    NOT_FORCED: "timers (not forced)",
    "ALTER TABLE timers DISABLE ROW LEVEL SECURITY": "timers (not forced)",
    "DROP POLICY one_tenant ON timers": "timers (no policy one_tenant)",
    "ALTER POLICY one_tenant ON timers TO {app} USING (true)": "(one_tenant asks for no tenant)",
    "ALTER POLICY one_tenant ON timers WITH CHECK (true)": "(one_tenant asks for no tenant)",
    "CREATE POLICY wide ON timers FOR SELECT USING (true)": "timers (wide asks for no tenant)",
    "CREATE TABLE added (tenant text)": "added (not forced)",
}
PREFLIGHT = {NOT_FORCED}
ROUND = (
    ("ALTER ROLE {app} SUPERUSER", "ALTER ROLE {app} NOSUPERUSER", "is a superuser"),
    ("ALTER ROLE {app} BYPASSRLS", "ALTER ROLE {app} NOBYPASSRLS", "has BYPASSRLS"),
    ("GRANT {owner} TO {app}", "REVOKE {owner} FROM {app}", "may be the owner"),
    ("GRANT {system} TO {app}", "REVOKE {system} FROM {app}", "may be the system role"),
    (
        "ALTER TABLE timers OWNER TO {app}",
        "ALTER TABLE timers OWNER TO {owner}",
        "may be the owner",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Two databases as an administrator made them, and a production that uses them."""

    service: str
    admin: str
    log: Addresses
    keys: Addresses
    environment: pytest.MonkeyPatch
    said: Callable[[], str]

    def apart(self) -> dict[str, str]:
        """Run the preflight; return what it says of tenants, by the check that fails."""
        self.said()
        run.main(["preflight", self.service, "--json", "--installed"])
        found = [each for each in json.loads(self.said()) if each["name"] in APART]
        assert len(found) == len(APART)
        failed = [each for each in found if each["outcome"] == "failed"]
        assert all(each["rule"] and each["do"] for each in failed)
        return {each["name"]: f"{each['found']} -> {each['do']}" for each in failed}

    def refusal(self) -> str:
        """Return what a process says that does not start."""
        with pytest.raises(TenantsNotApart) as refused:
            ensure_apart(from_environment())
        return "\n".join(refused.value.reasons)

    def alter(self, *statements: str) -> None:
        """Change the service's database as a superuser."""
        with closing(Database(self.admin)) as database, database.begin() as db:
            for statement in statements:
                db.execute(text(statement))

    def migrate(self) -> None:
        """Run the migration job on both databases."""
        migrate(self.log.owner, self.service, roles=ROLES)
        migrate(self.keys.owner, "chassis.key_store", roles=ROLES)


@pytest.fixture
def site(
    postgresql: PrivatePostgreSQL,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Site]:
    name = fresh_name(request)
    admin, keys = postgresql.database(name), postgresql.database(f"{name}_keys")
    site = Site(
        service=getattr(request, "param", SERVICE),
        admin=admin,
        log=divided(admin, ROLES),
        keys=divided(keys, ROLES),
        environment=monkeypatch,
        said=lambda: capsys.readouterr().out,
    )
    site.migrate()
    for variable, value in {
        "SERVICE": site.service, "ENVIRONMENT": "production", "SECRET": KEY, "MASTER_KEY": KEY,
        "DATABASE_URL": site.log.application, "KEYS_URL": site.keys.application,
        "SYSTEM_DATABASE_URL": site.log.system, "DATABASE_ROLES": PREFIX,
        "JWKS": Tokens(tmp_path).settings.jwks or "", "ISSUER": ISSUER, "AUDIENCE": AUDIENCE,
        "AMQP_URI": "amqp://127.0.0.1:1/x",
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, value)
    yield site
    postgresql.drop_database(name)
    postgresql.drop_database(f"{name}_keys")


def test_databases_as_they_should_be_are_let_pass(site: Site) -> None:
    """A check that always fails would be skipped by everybody."""
    assert site.apart() == {}
    ensure_apart(from_environment())


def test_a_database_that_is_not_the_owners_is_noticed(site: Site) -> None:
    """Its migrations make no policies, and say nothing of it."""
    name = make_url(site.admin).database
    site.alter(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER')
    assert set(site.apart()) == {"database owner"}
    assert f"does not belong to {ROLES.owner}" in site.apart()["database owner"]
    assert "chassis.isolation.creating" in site.apart()["database owner"]
    assert "DATABASE_URL: the database does not belong" in site.refusal()
    site.environment.setenv("ENVIRONMENT", "test")
    assert site.apart() == {}
    ensure_apart(from_environment())


def test_a_table_without_forced_policies_is_noticed_and_mended(site: Site) -> None:
    """One table would show a company's rows to another."""
    for statement, why in TABLES.items():
        site.alter(statement.format(app=ROLES.application))
        assert why in site.refusal(), statement
        if statement in PREFLIGHT:
            assert why in site.apart()["database policies"]
            assert f"chassis.run migrate {SERVICE}" in site.apart()["database policies"]
        # As the migration job does after its revisions; the added table is a superuser's.
        with closing(Database(site.admin)) as database, database.begin() as db:
            secure(db, ROLES)
        ensure_apart(from_environment())
    site.alter("DROP TABLE added")
    assert site.apart() == {}


def test_an_application_that_gets_past_its_policies_is_noticed(site: Site) -> None:
    """Every policy is there, and none of them holds."""
    names = {"app": ROLES.application, "owner": ROLES.owner, "system": ROLES.system}
    for done, undone, why in ROUND:
        site.alter(done.format(**names))
        try:
            assert why in site.refusal(), done
            assert why in site.apart()["application role"], done
        finally:
            site.alter(undone.format(**names))
        ensure_apart(from_environment())


def test_who_logs_in_as_owner_or_system_is_noticed(site: Site) -> None:
    """One secret in the wrong place, and the application sees every tenant."""
    for address, why in ((site.log.owner, "owner"), (site.log.system, "system role")):
        site.environment.setenv("DATABASE_URL", address)
        assert f"may be the {why}" in site.apart()["application role"]
        assert f"log in as {ROLES.application}" in site.refusal()


@pytest.mark.parametrize(
    ("site", "roles"),
    [(SERVICE, ["worker", "relay", "projector"]), ("loop", ["loop"])],
    indirect=["site"],
)
def test_no_process_starts_then(site: Site, roles: list[str]) -> None:
    """What only the preflight knows is not known where nobody runs it."""
    site.alter(NOT_FORCED)
    for role in roles:
        command = [sys.executable, "-m", "chassis.run", role, site.service]
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=240, check=False, env={**os.environ}
        )
        assert ended.returncode == run.REFUSED, ended.stderr
        assert "no row-level security on timers (not forced)" in ended.stderr
        assert "Traceback" not in ended.stderr
