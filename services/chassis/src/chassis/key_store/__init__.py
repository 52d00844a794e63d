"""The subjects' keys in a database of their own, so that a backup of the log holds none.

Each key is stored wrapped (AES-256-GCM) under the deployment's master key, which is
in no database.  A process keeps the keys it used for a few seconds: after
``destroy`` the own process forgets at once, every other within the cache's lifetime.

This database belongs outside the ordinary backups.  After a restore of an older copy
all the same, ``reapply`` the list of erasures that is kept elsewhere.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    select,
    text,
    tuple_,
    update,
)

from chassis.clock import Clock
from chassis.database import Database
from chassis.insertion import insert_once
from chassis.key_store.cache import KeyCache
from chassis.privacy import SubjectErased

METADATA = MetaData()
SUBJECT_KEYS = Table(
    "subject_keys",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("wrapped", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("destroyed_at", DateTime(timezone=True)),
)
_NONCE = 12
_WRAPPED = "SELECT wrapped FROM subject_keys WHERE tenant = :tenant AND subject = :subject"


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """One subject whose key was destroyed; an entry of the list kept elsewhere."""

    tenant: str
    subject: str


class SqlKeys:
    """A ``KeyStore`` on SQLite or PostgreSQL, in transactions of its own.

    Args:
        database: Holds the keys and nothing else.
        master_key: Wraps them, 32 bytes.
        other_key: Opens them too, while the master key is renewed.
        clock: Tells when a key was made or destroyed.
        seconds: For how long a key may outlive its destruction in another process.
        limit: How many keys a process keeps at most.
        monotonic: Measures ``seconds``.
    """

    def __init__(
        self,
        database: Database,
        *,
        master_key: bytes,
        other_key: bytes | None = None,
        clock: Clock,
        seconds: float = 3.0,
        limit: int = 10_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self._master = AESGCM(master_key)
        self._openers = [self._master, *([AESGCM(other_key)] if other_key else [])]
        self._clock = clock
        self._cache = KeyCache(seconds=seconds, limit=limit, monotonic=monotonic)

    def seal_key(self, tenant: str, subject: str) -> bytes:
        """Return the subject's key, making one at first use.

        Of two processes that make one at the same time both get the first.

        Raises:
            SubjectErased: the key was destroyed.
        """
        key = self.open_key(tenant, subject) or self._first_key(tenant, subject)
        if key is None:
            raise SubjectErased(subject)
        return key

    def open_key(self, tenant: str, subject: str) -> bytes | None:
        """Return the subject's key, or None when it was destroyed or never made."""
        cached = self._cache.get(tenant, subject)
        if cached is not None:
            return cached
        found = self.database.glance(_WRAPPED, bound_to=tenant, tenant=tenant, subject=subject)
        return self._opened(tenant, subject, bytes(found[0]) if any(found) else None)

    def destroy(self, tenant: str, subject: str) -> None:
        """Forget the key for ever; remembers only that it was destroyed.

        Also a subject that never had a key gets none from now on.
        """
        self._destroy_all([Erasure(tenant=tenant, subject=subject)])

    def destroyed(self, tenant: str) -> list[Erasure]:
        """Return every erasure of a tenant, for the list that is kept elsewhere."""
        row = SUBJECT_KEYS.c
        erased = select(row.subject).where(row.tenant == tenant, row.destroyed_at.is_not(None))
        with self.database.read(tenant) as db:
            subjects = db.execute(erased.order_by(row.subject)).scalars().all()
        return [Erasure(tenant=tenant, subject=subject) for subject in subjects]

    def reapply(self, erasures: Iterable[Erasure]) -> int:
        """Destroy again what a restore brought back and return how many keys that were."""
        return self._destroy_all(erasures)

    def _first_key(self, tenant: str, subject: str) -> bytes | None:
        wrapped = self._wrap(tenant, subject, AESGCM.generate_key(256))
        now = self._clock.now()
        with self.database.begin(tenant) as db:
            insert_once(db, SUBJECT_KEYS, _row(tenant, subject, wrapped, now, None))
            stored = _wrapped(db, tenant, subject)
        return self._opened(tenant, subject, stored)

    def _destroy_all(self, erasures: Iterable[Erasure]) -> int:
        listed, alive = sorted(erasures, key=attrgetter("tenant")), 0
        for tenant, erased in groupby(listed, key=attrgetter("tenant")):
            alive += self._destroy_of(tenant, list(erased))
        _empty_write_ahead_log(self.database)
        for erasure in listed:
            self._cache.forget(erasure.tenant, erasure.subject)
        return alive

    def _destroy_of(self, tenant: str, erasures: Sequence[Erasure]) -> int:
        now = self._clock.now()
        with self.database.begin(tenant) as db:
            _overwrite_deleted(db)
            return sum(_destroy(db, erasure, now) for erasure in erasures)

    def _wrap(self, tenant: str, subject: str, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._master.encrypt(nonce, key, _binding(tenant, subject))

    def rewrap(self, page: int = 500) -> int:
        """Wrap every key with the master key that is not yet; returns how many those were.

        It may be stopped at any moment and run again, beside everything else.
        """
        row, changed, after = SUBJECT_KEYS.c, 0, ("", "")
        by = tuple_(row.tenant, row.subject)
        while True:
            with self.database.begin() as db:
                wanted = select(row.tenant, row.subject, row.wrapped).where(by > after)
                found = db.execute(wanted.order_by(row.tenant, row.subject).limit(page)).all()
                changed += sum(self._rewrap(db, *each) for each in found)
            if not found:
                return changed
            after = (found[-1].tenant, found[-1].subject)

    def _rewrap(self, db: Connection, tenant: str, subject: str, wrapped: bytes | None) -> bool:
        if wrapped is None or self._is_opened_by(self._master, tenant, subject, wrapped):
            return False
        row = SUBJECT_KEYS.c
        mine = (row.tenant == tenant) & (row.subject == subject) & (row.wrapped == wrapped)
        anew = self._wrap(tenant, subject, self._unwrap(tenant, subject, wrapped))
        # One that was destroyed meanwhile stays destroyed.
        return db.execute(update(SUBJECT_KEYS).where(mine).values(wrapped=anew)).rowcount == 1

    def _unwrap(self, tenant: str, subject: str, wrapped: bytes) -> bytes:
        for opener in self._openers[:-1]:
            if self._is_opened_by(opener, tenant, subject, wrapped):
                return _open(opener, tenant, subject, wrapped)
        return _open(self._openers[-1], tenant, subject, wrapped)

    def _is_opened_by(self, opener: AESGCM, tenant: str, subject: str, wrapped: bytes) -> bool:
        try:
            _open(opener, tenant, subject, wrapped)
        except InvalidTag:
            return False
        return True

    def _opened(self, tenant: str, subject: str, wrapped: bytes | None) -> bytes | None:
        if wrapped is None:
            return None
        key = self._unwrap(tenant, subject, wrapped)
        self._cache.put(tenant, subject, key)
        return key


def _wrapped(db: Connection, tenant: str, subject: str) -> bytes | None:
    return db.execute(text(_WRAPPED), {"tenant": tenant, "subject": subject}).scalar()


def _destroy(db: Connection, erasure: Erasure, now: datetime) -> bool:
    """Destroy one key and say whether there was one; the first moment of destruction stays."""
    if insert_once(db, SUBJECT_KEYS, _row(erasure.tenant, erasure.subject, None, now, now)):
        return False
    row = SUBJECT_KEYS.c
    mine = (row.tenant == erasure.tenant) & (row.subject == erasure.subject)
    changes = {"wrapped": None, "destroyed_at": func.coalesce(row.destroyed_at, now)}
    alive = row.wrapped.is_not(None)
    return db.execute(update(SUBJECT_KEYS).where(mine, alive).values(changes)).rowcount == 1


def _row(
    tenant: str, subject: str, wrapped: bytes | None, created: datetime, destroyed: datetime | None
) -> dict[str, object]:
    return {
        "tenant": tenant,
        "subject": subject,
        "wrapped": wrapped,
        "created_at": created,
        "destroyed_at": destroyed,
    }


def _overwrite_deleted(db: Connection) -> None:
    # SQLite only unlinks deleted bytes by default: the key would still be in the file.
    if db.dialect.name == "sqlite":
        db.execute(text("PRAGMA secure_delete=ON"))


def _empty_write_ahead_log(database: Database) -> None:
    # ... and the page with the key would still be in the write-ahead log.
    if database.is_sqlite:
        with database.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]  # a checked-out connection is never None


def _open(opener: AESGCM, tenant: str, subject: str, wrapped: bytes) -> bytes:
    return opener.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _binding(tenant, subject))


def _binding(tenant: str, subject: str) -> bytes:
    return f"{tenant}\x1f{subject}".encode()
