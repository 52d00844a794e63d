"""Charge requests and commands of a tenant to its quotas, at the service's edge only."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from chassis import direct
from chassis.clock import Clock
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.quotas import hearing, metering
from chassis.quotas.counting import Account, Purse, give_back, take_ahead, take_in
from chassis.quotas.limits import (
    BY_NAME,
    COUNTED,
    STORED,
    Counted,
    InForce,
    NoMoreAllowed,
    Plan,
    QuotaExceeded,
)
from chassis.quotas.periods import period_at
from chassis.quotas.stock import Held, held

FRESH_SECONDS = 1.0
"""For so long a process goes by what it last read of a tenant's limits and of its stored events."""
_REQUESTS = BY_NAME["requests_a_minute"]
_WRITING = tuple(counted for counted in COUNTED if counted.unit != "request")


@dataclass(slots=True)
class _Seen:
    """What a process last read of a tenant."""

    until: float
    limits: InForce
    stored: int = 0


@dataclass(slots=True)
class Quotas:
    """The quotas of one service's tenants, as one process charges them.

    Args:
        database: Holds limits and counts.
        clock: Says which period it is.
        plan: What the service limits.
        held: The read model of what its tenants have.
    """

    database: Database
    clock: Clock
    plan: Plan = field(default_factory=Plan)
    held: Held = field(default_factory=Held)
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _purses: dict[tuple[str, str], Purse] = field(default_factory=dict)

    def admit(self, tenant: str) -> None:
        """Let a request of a tenant in.

        Raises:
            QuotaExceeded: the tenant has made too many in this minute.
            Unavailable: the database does not answer.
        """
        limits = self.in_force(tenant)
        if _REQUESTS.name in limits.limits:
            account = self.account(tenant, limits, _REQUESTS)
            if not self.purse(account).spend(1):
                raise self.exceeded(account)

    def charge(self, tenant: str) -> "Charge":
        """Return what one command of a tenant will be charged with."""
        return TenantCharge(self, tenant)

    def in_force(self, tenant: str, db: Connection | None = None) -> InForce:
        """Return what a tenant may do: as a transaction sees it, or as it was a moment ago.

        Raises:
            Unavailable: the database does not answer.
        """
        if db is None:
            return self._look(tenant).limits
        rows = direct.tuples(db, hearing.ONE, {"tenant": tenant})
        return hearing.in_force(self.plan, rows[0] if rows else ())

    def stored(self, tenant: str, db: Connection | None = None) -> int:
        """Return how many events of a tenant were metered, likewise; raises Unavailable."""
        return self._look(tenant).stored if db is None else metering.total(db, tenant)

    def look_again(self) -> None:
        """Read everything anew at the next question."""
        self._seen.clear()

    def account(self, tenant: str, limits: InForce, counted: Counted) -> Account:
        """Return what a tenant may take of a quota now."""
        now, zone, limit = self.clock.now(), limits.zone, limits.limits[counted.name]
        purse = self._purses.get((tenant, counted.name))
        known = purse.account if purse else None
        # Nearly always: working out when a day begins costs more than all the rest.
        if known and known.period.has(now) and (known.limit, known.zone) == (limit, zone):
            return known
        period = period_at(counted.per, now, zone)
        return Account(tenant=tenant, counted=counted, period=period, limit=limit, zone=zone)

    def purse(self, account: Account) -> Purse:
        """Return what this process holds of an account; a new period begins with nothing."""
        place = account.tenant, account.counted.name
        known = self._purses.get(place)
        if known is not None and (known.account is account or known.account == account):
            return known
        purse = Purse(account, lambda wanted, least: take_ahead(self.database, wanted, least))
        if known is None:
            return self._purses.setdefault(place, purse)
        self._purses[place] = purse
        self._return(known)
        return purse

    def exceeded(self, account: Account) -> QuotaExceeded:
        """Return the refusal of what is more than an account has."""
        return QuotaExceeded(account.counted.name, account.limit, account.period, self.clock.now())

    def close(self) -> None:
        """Return what is held and not spent, as far as the database still answers."""
        purses = list(self._purses.values())
        self._purses.clear()
        with suppress(Unavailable):
            for purse in purses:
                self._return(purse)

    def _return(self, purse: Purse) -> None:
        left = purse.empty()
        if left and purse.account.period.ends > self.clock.now():
            give_back(self.database, purse.account, left)

    def _look(self, tenant: str) -> _Seen:
        seen = self._seen.get(tenant)
        if seen is None or seen.until < time.monotonic():
            seen = self._seen[tenant] = self._read(tenant)
        return seen

    def _read(self, tenant: str) -> _Seen:
        limits = hearing.in_force(self.plan, self._glance(hearing.ONE, tenant))
        stored = 0
        if STORED in limits.limits:
            (stored,) = self._glance(metering.TOTAL, tenant) or (0,)
        return _Seen(until=time.monotonic() + FRESH_SECONDS, limits=limits, stored=stored)

    def _glance(self, statement: str, tenant: str) -> Sequence[Any]:
        return self.database.glance(statement, bound_to=tenant, tenant=tenant)


class Charge:
    """What one command takes from its tenant's quotas; given back unless it is carried out.

    A command that records nothing costs nothing: a repeat, a refusal, a wish that is fulfilled.
    As a block around the command, it gives back what it took when the command fails.
    """

    def take(self, events: Sequence[Any], db: Connection | None = None) -> None:
        """Take one command and its events; what was taken before is given back first.

        Args:
            events: What the command is about to record.
            db: Its transaction; without one nothing can be taken on SQLite.

        Raises:
            QuotaExceeded: there is not so much left; nothing was taken.
            NoMoreAllowed: the tenant has as many events as it may have.
            Unavailable: the database does not answer.
        """

    def check_held(self, db: Connection) -> None:
        """Refuse more of a stock than the tenant may have; raises NoMoreAllowed.

        Args:
            db: The transaction, with the new events in its read models.
        """

    def undo(self) -> None:
        """Give back what was taken."""

    def __enter__(self) -> Self:
        """Begin the command."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give back what a command took that failed."""
        if error is not None:
            self.undo()


FREE = Charge()
"""What nobody's quotas are charged with: callbacks, reactions, timers, operators."""


class TenantCharge(Charge):
    """What a command of a tenant takes.

    Args:
        quotas: The service's.
        tenant: Whose.
    """

    def __init__(self, quotas: Quotas, tenant: str) -> None:
        self._quotas = quotas
        self._tenant = tenant
        self._spent: list[tuple[Purse, int]] = []
        self._growing: Sequence[str] = ()

    def take(self, events: Sequence[Any], db: Connection | None = None) -> None:
        """Take one command and its events."""
        self.undo()
        if not events:
            return
        inside = db if db is not None and self._quotas.database.is_sqlite else None
        limits = self._quotas.in_force(self._tenant, inside)
        if limits.limits:
            self._growing = self._quotas.held.growing(events)
            self._check_stored(limits, len(events), inside)
            self._take(limits, len(events), inside)

    def check_held(self, db: Connection) -> None:
        """Refuse more of a stock than the tenant may have."""
        limits = self._quotas.in_force(self._tenant, db).limits if self._growing else {}
        for name in self._growing:
            if name in limits and held(db, self._tenant, name) > limits[name]:
                raise NoMoreAllowed(name, limits[name])

    def undo(self) -> None:
        """Give back what was taken."""
        spent, self._spent, self._growing = self._spent, [], ()
        for purse, amount in spent:
            purse.put_back(amount)

    def _check_stored(self, limits: InForce, events: int, inside: Connection | None) -> None:
        if STORED not in limits.limits:
            return
        limit = limits.limits[STORED]
        if self._quotas.stored(self._tenant, inside) + events > limit:
            raise NoMoreAllowed(STORED, limit)

    def _take(self, limits: InForce, events: int, inside: Connection | None) -> None:
        if inside is None:
            self._spend(limits, events)
            return
        with direct.savepoint(inside):
            for account, amount in self._accounts(limits, events):
                if not take_in(inside, account, amount):
                    raise self._quotas.exceeded(account)

    def _spend(self, limits: InForce, events: int) -> None:
        for account, amount in self._accounts(limits, events):
            purse = self._quotas.purse(account)
            if not purse.spend(amount):
                self.undo()
                raise self._quotas.exceeded(account)
            self._spent.append((purse, amount))

    def _accounts(self, limits: InForce, events: int) -> Iterator[tuple[Account, int]]:
        for counted in _WRITING:
            if counted.name in limits.limits:
                account = self._quotas.account(self._tenant, limits, counted)
                yield account, events if counted.unit == "event" else 1
