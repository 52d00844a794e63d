"""Count what a tenant takes of a period's quota, and never grant more than there is.

On SQLite a command counts in its own transaction: there is one writer anyway.  On PostgreSQL a
row that every command of a tenant changes would make them wait for each other's commits, so a
process takes a few units ahead, in a transaction of their own, and spends them from memory.
What it has not spent when it dies stays taken: nobody gets more than the limit, and each
process can keep at most ``AHEAD`` units, or one in ``SHARE`` of the limit, from the others.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chassis import direct
from chassis.clock import micros
from chassis.database import Database, translated_errors
from chassis.isolation.transactions import bound
from chassis.quotas.limits import Counted
from chassis.quotas.periods import Period

AHEAD = 256
SHARE = 32
# In PostgreSQL and SQLite alike; the division is of whole numbers.
_MORE = """:need + CASE WHEN (:most - quota_counts.taken - :need) / :share < :ahead
THEN (:most - quota_counts.taken - :need) / :share ELSE :ahead END"""
_FITS = "quota_counts.taken + :need <= :most"
# A tenant that moves to another zone has the same day or month end at another moment: a count whose
# end stood still would be shown as nothing while it is still kept to, also when it is used up.
_TAKE = f"""INSERT INTO quota_counts (tenant, name, period, taken, granted, ends_at)
VALUES (:tenant, :name, :period, :first, :first, :ends_at)
ON CONFLICT (tenant, name, period) DO UPDATE
SET granted = CASE WHEN {_FITS} THEN {_MORE} ELSE 0 END,
taken = quota_counts.taken + CASE WHEN {_FITS} THEN {_MORE} ELSE 0 END,
ends_at = CASE WHEN quota_counts.ends_at < :ends_at THEN :ends_at ELSE quota_counts.ends_at END
WHERE {_FITS} OR quota_counts.ends_at < :ends_at RETURNING granted"""  # noqa: S608  # constants
_RETURN = """UPDATE quota_counts SET taken = taken - :left
WHERE tenant = :tenant AND name = :name AND period = :period"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What one tenant may take in one period, as its zone counts it."""

    tenant: str
    counted: Counted
    period: Period
    limit: int
    zone: tzinfo

    @property
    def row(self) -> Mapping[str, Any]:
        """What names the row of the count."""
        return {"tenant": self.tenant, "name": self.counted.name, "period": self.period.key}


def take_in(db: Connection, account: Account, amount: int) -> bool:
    """Take some in an open transaction, which takes it back if it fails; say whether it was there.

    SQLite only: elsewhere the row would stay locked until the commit.
    """
    wanted = _wanted(account, amount, ahead=0)
    return wanted is not None and bool(direct.scalar(db, _TAKE, wanted))


def take_ahead(database: Database, account: Account, amount: int) -> int:
    """Take at least so much in a transaction of its own; return how much, 0 if it is not there.

    Raises:
        Unavailable: the database does not answer.
    """
    wanted = _wanted(account, amount, ahead=AHEAD)
    if wanted is None:
        return 0
    return int(_apart(database, _TAKE, wanted) or 0)


def give_back(database: Database, account: Account, left: int) -> None:
    """Return what was not spent; raises Unavailable."""
    _apart(database, f"{_RETURN} RETURNING taken", {**account.row, "left": left})


class Purse:
    """What this process holds of one account and has not spent.

    Args:
        account: Whose.
        take: Takes at least so much, and returns how much; 0 when it is not there.
    """

    def __init__(self, account: Account, take: Callable[[Account, int], int]) -> None:
        self.account = account
        self._take = take
        self._left = 0
        self._lock = threading.Lock()

    def spend(self, amount: int) -> bool:
        """Spend some; say whether it was there."""
        with self._lock:
            if self._left < amount:
                self._left += self._take(self.account, amount - self._left)
            if self._left < amount:
                return False
            self._left -= amount
            return True

    def put_back(self, amount: int) -> None:
        """Hold again what was spent on something that was not carried out."""
        with self._lock:
            self._left += amount

    def empty(self) -> int:
        """Hold nothing any more; return what was held."""
        with self._lock:
            left, self._left = self._left, 0
            return left


def _wanted(account: Account, amount: int, *, ahead: int) -> Mapping[str, Any] | None:
    spare = account.limit - amount
    if spare < 0:
        return None
    return {
        **account.row,
        "need": amount,
        "most": account.limit,
        "share": SHARE,
        "ahead": ahead,
        "first": amount + min(ahead, spare // SHARE),
        "ends_at": micros(account.period.ends),
    }


def _apart(database: Database, sql: str, values: Mapping[str, Any]) -> Any:
    if database.is_sqlite:
        with database.begin(values["tenant"]) as db:
            return direct.scalar(db, sql, values)
    with translated_errors():
        try:
            return _on_a_kept_connection(database, sql, values)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The connection had died unused.  Where the answer was lost, some stays taken unspent.
        return _on_a_kept_connection(database, sql, values)


def _on_a_kept_connection(database: Database, sql: str, values: Mapping[str, Any]) -> Any:
    dialect, tenant = database.engine.dialect, values["tenant"]
    with database.autocommit() as connection:
        try:
            with connection.cursor() as cursor:
                cursor.execute(*bound(direct.written(sql, dialect.paramstyle), values, tenant))
                return (cursor.fetchone() or (None,))[0]
        except dialect.loaded_dbapi.Error as error:
            raise direct.wrapped(error, dialect) from error
