"""Keys live in a database of their own, wrapped, and die for good."""

import os
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import text

from chassis import run
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.isolation import Roles
from chassis.key_store import METADATA, Erasure, SqlKeys
from chassis.key_store.cache import KeyCache
from chassis.migrations import current_revision, ensure_current, migrate
from chassis.privacy import KeyStore, MemoryKeys, SubjectErased
from chassis.testing.contexts import NOW
from chassis.testing.key_store_contract import KeyStoreContract
from chassis.testing.migrations import assert_migrations_match
from chassis.testing.three_roles import divided

PACKAGE = "chassis.key_store"
MASTER = b"m" * 32


class Seconds:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def store(url: str, *, seconds: Seconds | None = None, master: bytes = MASTER) -> SqlKeys:
    return SqlKeys(
        Database(url),
        master_key=master,
        clock=FixedClock(NOW),
        monotonic=seconds or Seconds(),
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/keys.sqlite"
    migrate(made, PACKAGE)
    return made


class TestMemoryKeys(KeyStoreContract):
    """The keys of pure tests."""

    @pytest.fixture
    def keys(self) -> KeyStore:
        return MemoryKeys()


class TestKeysOnSqlite(KeyStoreContract):
    """The embedded default."""

    @pytest.fixture
    def keys(self, url: str) -> KeyStore:
        return store(url)


@pytest.mark.servers
class TestKeysOnPostgresql(KeyStoreContract):
    """Production."""

    @pytest.fixture
    def keys(self, postgresql_url: str) -> Iterator[KeyStore]:
        migrate(postgresql_url, PACKAGE)
        database = Database(postgresql_url)
        yield SqlKeys(database, master_key=MASTER, clock=FixedClock(NOW))
        database.close()


@pytest.mark.servers
def test_two_jobs_at_once_migrate_once(postgresql_url: str) -> None:
    """An operator who starts the migration twice gets one schema and no error."""
    program = "import sys; from chassis.migrations import migrate; migrate(*sys.argv[1:])"
    command = [sys.executable, "-c", program, postgresql_url, PACKAGE]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    jobs = [subprocess.Popen(command, env=path) for _ in range(3)]

    assert [job.wait(timeout=60) for job in jobs] == [0, 0, 0]
    assert current_revision(postgresql_url) == "0001"
    ensure_current(postgresql_url, PACKAGE)


def test_the_migrations_make_the_table_the_code_uses(tmp_path: Path) -> None:
    """A new installation can store keys."""
    assert_migrations_match(PACKAGE, METADATA, f"sqlite:///{tmp_path}/keys.sqlite")


def test_two_processes_share_the_first_key(url: str) -> None:
    """What one process sealed, another opens."""
    one, other = store(url), store(url)

    assert one.seal_key("acme", "s1") == other.seal_key("acme", "s1")


def test_the_key_itself_is_never_in_the_database(url: str, tmp_path: Path) -> None:
    """Who steals the database, without the master key, can open nothing."""
    key = store(url).seal_key("acme", "s1")

    assert all(key not in file.read_bytes() for file in tmp_path.iterdir())
    with pytest.raises(InvalidTag):
        store(url, master=b"x" * 32).open_key("acme", "s1")


def test_a_wrapped_key_opens_only_for_its_own_subject(url: str) -> None:
    """Nobody revives an erased person by copying a row."""
    keys = store(url)
    keys.seal_key("acme", "s1")
    with Database(url).begin() as db:
        db.execute(text("UPDATE subject_keys SET subject = 's2'"))

    with pytest.raises(InvalidTag):
        store(url).open_key("acme", "s2")


def test_a_renewed_master_key_takes_over_without_a_gap(url: str) -> None:
    """Renewing it would lose every person's data, or keep the old key in use for ever."""
    database, renewed, clock = Database(url), b"n" * 32, FixedClock(NOW)
    before = SqlKeys(database, master_key=MASTER, other_key=renewed, clock=clock)
    after = SqlKeys(database, master_key=renewed, other_key=MASTER, clock=clock)
    ada = before.seal_key("acme", "ada")
    before.seal_key("acme", "gone")
    before.destroy("acme", "gone")
    assert after.open_key("acme", "ada") == ada
    assert after.seal_key("acme", "bob") == before.open_key("acme", "bob")

    assert (after.rewrap(page=1), after.rewrap()) == (1, 0)

    alone = SqlKeys(database, master_key=renewed, clock=clock)
    assert (alone.open_key("acme", "ada"), alone.open_key("acme", "gone")) == (ada, None)
    with pytest.raises(InvalidTag):
        SqlKeys(database, master_key=MASTER, clock=clock).open_key("acme", "ada")
    database.close()


@pytest.mark.servers
@pytest.mark.usefixtures("own_logging")
def test_a_master_key_is_renewed_behind_policies(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the three roles the job would be refused, and the old key needed for ever."""
    roles, renewed = Roles.named("sixfold_listener"), b"n" * 32
    addresses = divided(postgresql_url, roles)
    migrate(addresses.owner, PACKAGE, roles=roles)
    database = Database(addresses.application)
    before = SqlKeys(database, master_key=MASTER, clock=FixedClock(NOW))
    sealed = {tenant: before.seal_key(tenant, "ada") for tenant in ("acme", "beta")}
    for name, value in {
        "SERVICE": "listener", "ENVIRONMENT": "test", "DATABASE_URL": "sqlite:///nothing",
        "KEYS_URL": addresses.application, "MIGRATION_KEYS_URL": addresses.owner,
        "AMQP_URI": "amqp://nobody", "SECRET": b64encode(MASTER).decode(),
        "MASTER_KEY": b64encode(renewed).decode(), "OTHER_MASTER_KEY": b64encode(MASTER).decode(),
        "ISSUER": "https://issuer.test", "AUDIENCE": "sixfold",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    for _ in range(2):
        assert run.main(["rewrap", "listener"]) == 0
    said = capsys.readouterr().out
    alone = SqlKeys(database, master_key=renewed, clock=FixedClock(NOW))
    opened = {tenant: alone.open_key(tenant, "ada") for tenant in sealed}
    database.close()

    assert said == "listener: 2 keys wrapped anew\nlistener: 0 keys wrapped anew\n"
    assert opened == sealed


def test_nothing_of_a_destroyed_key_stays_in_the_files(url: str, tmp_path: Path) -> None:
    """A disk image taken after an erasure holds no key of the person."""
    keys = store(url)
    keys.seal_key("acme", "s1")
    with Database(url).read() as db:
        wrapped = db.execute(text("SELECT wrapped FROM subject_keys")).scalar_one()
    assert any(wrapped in file.read_bytes() for file in tmp_path.iterdir())

    keys.destroy("acme", "s1")

    assert not any(wrapped in file.read_bytes() for file in tmp_path.iterdir())


def test_another_process_forgets_within_seconds(url: str) -> None:
    """An erasure reaches every running process by itself."""
    seconds = Seconds()
    mine, theirs = store(url), store(url, seconds=seconds)
    key = mine.seal_key("acme", "s1")
    assert theirs.open_key("acme", "s1") == key

    mine.destroy("acme", "s1")

    assert mine.open_key("acme", "s1") is None
    seconds.now += 3
    assert theirs.open_key("acme", "s1") is None
    with pytest.raises(SubjectErased):
        theirs.seal_key("acme", "s1")


def back_up(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copied:
        live.backup(copied)


def test_erasures_are_applied_again_after_a_restore(url: str, tmp_path: Path) -> None:
    """A backup from before an erasure does not bring the person back."""
    keys = store(url)
    kept, gone = keys.seal_key("acme", "s1"), keys.seal_key("acme", "s2")
    back_up(tmp_path / "keys.sqlite", tmp_path / "backup.sqlite")
    keys.destroy("acme", "s2")
    keys.destroy("acme", "s3")
    listed = keys.destroyed("acme")
    restored = store(f"sqlite:///{tmp_path}/backup.sqlite")
    assert restored.open_key("acme", "s2") == gone

    assert restored.reapply(listed) == 1
    assert restored.reapply(listed) == 0

    assert restored.open_key("acme", "s1") == kept
    assert restored.open_key("acme", "s2") is None
    assert restored.destroyed("acme") == listed
    assert listed == [Erasure(tenant="acme", subject=name) for name in ("s2", "s3")]
    assert restored.destroyed("other") == []


def test_the_moment_of_destruction_stays_the_first(url: str) -> None:
    """The proof of an erasure is not overwritten by a repeat."""
    clock = FixedClock(NOW)
    keys = SqlKeys(Database(url), master_key=MASTER, clock=clock)
    keys.seal_key("acme", "s1")
    keys.destroy("acme", "s1")
    clock.set(NOW.replace(year=2030))
    keys.destroy("acme", "s1")

    with Database(url).read() as db:
        destroyed = db.execute(text("SELECT destroyed_at FROM subject_keys")).scalar_one()
    assert destroyed.startswith("2026-05-06")


def test_the_cache_is_bounded() -> None:
    """A process that meets a million people does not hold a million keys."""
    cache = KeyCache(seconds=10, limit=2, monotonic=Seconds())
    cache.put("acme", "s1", b"1")
    cache.put("acme", "s2", b"2")
    assert cache.get("acme", "s1") == b"1"
    cache.put("acme", "s3", b"3")

    found = [cache.get("acme", name) for name in ("s1", "s2", "s3")]
    assert found == [b"1", None, b"3"]
