"""Who did what privileged thing: entries of the service's own log, one mechanism for all.

An entry commits together with what it tells of, or, where something was only read or refused, by
itself before the answer leaves.  It belongs to the tenant for which somebody acted.  What names a
person or says where they were is sealed with the key of the one who acted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    delete,
    select,
)

from chassis.changes import Changes, keep
from chassis.clock import micros, moment
from chassis.context import of_our_own
from chassis.envelope import Envelope
from chassis.events import EventRegistry
from chassis.ids import derived_id, new_id
from chassis.privacy import KeyStore, Personal, unseal_fields
from chassis.projections import Projection
from chassis.storage import Storage
from chassis.telemetry import current_traceparent
from chassis.unit_of_work import UnitOfWork

SCOPE = "audit.read"
# Whose entries are those that no tenant's token caused, such as a change of roles.
INSTALLATION = "installation"
Outcome = Literal["done", "refused"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRecorded:
    """Somebody did something privileged, or was refused it.

    ``staff`` is the subject whose key seals ``detail``, a JSON object.
    """

    entry_id: UUID
    action: str
    outcome: Outcome
    staff: str
    detail: Annotated[str | None, Personal("staff")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """What an entry tells.

    Args:
        action: What was done: ``parked.skip``, ``person.erase``.
        subject: Who did it, opaque, as in the token.
        outcome: Whether it was done, or refused for want of a right.
        detail: Which thing, why, from where; sealed.
    """

    action: str
    subject: str
    outcome: Outcome = "done"
    detail: Mapping[str, Any] = field(default_factory=dict)

    def recorded(self) -> AuditRecorded:
        """Return the event that tells it."""
        said = {name: value for name, value in self.detail.items() if value not in (None, "", {})}
        return AuditRecorded(
            entry_id=new_id(),
            action=self.action,
            outcome=self.outcome,
            staff=f"staff-{self.subject}",
            detail=json.dumps(said, ensure_ascii=False, default=str, sort_keys=True),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry as it is shown; ``detail`` is empty once its person was erased."""

    entry_id: UUID
    action: str
    outcome: str
    actor: str
    at: datetime
    detail: Mapping[str, Any]


def declare(registry: EventRegistry) -> None:
    """Register the event of which the audit is made."""
    registry.event("audit_recorded")(AuditRecorded)


def define_table(metadata: MetaData) -> Table:
    """Add the ``audit_trail`` table to a service's own metadata."""
    return Table(
        "audit_trail",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("entry_id", Uuid, primary_key=True),
        Column("action", String(100), nullable=False),
        Column("outcome", String(20), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("data", Text, nullable=False),
        Index("audit_trail_by_action", "tenant", "action", "entry_id"),
    )


TABLE = define_table(MetaData())
TRAIL = Projection("audit_trail", [TABLE])


@TRAIL.fold(AuditRecorded)
def list_entry(event: AuditRecorded, stored: Envelope) -> Changes:
    """List the entry, sealed as it is in the log."""
    yield keep(
        TABLE,
        tenant=stored.tenant,
        entry_id=event.entry_id,
        action=event.action,
        outcome=event.outcome,
        actor=stored.actor,
        at=micros(stored.recorded_at),
        data=stored.data.decode(),
    )


def add(work: UnitOfWork, deed: Deed) -> None:
    """Record a deed together with what a unit of work does."""
    event = deed.recorded()
    work.add(f"audit-{event.entry_id}", [event])


def note(storage: Storage, deed: Deed, *, tenant: str, actor: str, once: str | None = None) -> None:
    """Record a deed by itself.

    Args:
        storage: Of the service in which it was done.
        deed: What was done.
        tenant: For whom somebody acted.
        actor: Who, as events record it.
        once: Names the deed, so that it is recorded once however often it is told.

    Raises:
        Unavailable: the database does not answer; then whatever was done must not be told.
    """
    command_id = derived_id(tenant, "audit", once) if once else new_id()
    context = of_our_own(
        storage.secret, command_id, tenant=tenant, actor=actor,
        now=storage.clock.now(), traceparent=current_traceparent(),
    )  # fmt: skip
    with storage.begin(context) as work:
        if not work.already_done:
            add(work, deed)


def listed(
    db: Connection,
    keys: KeyStore,
    tenant: str,
    *,
    action: str | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> Sequence[Entry]:
    """Return a tenant's entries, the newest first.

    Args:
        db: An open transaction.
        keys: Open the details.
        tenant: Whose.
        action: Only this one, or with a dot at its end all that begin with it.
        before: Only what is older than this entry.
        limit: How many.
    """
    row = TABLE.c
    wanted = select(TABLE).where(row.tenant == tenant)
    if action is not None:
        group = action.endswith(".")
        wanted = wanted.where(
            row.action.startswith(action, autoescape=True) if group else row.action == action
        )
    if before is not None:
        wanted = wanted.where(row.entry_id < before)
    found = db.execute(wanted.order_by(row.entry_id.desc()).limit(limit)).mappings()
    return [_entry(one, keys) for one in found]


def forget(db: Connection, before: datetime) -> int:
    """Take from the list what is older than a moment, and return how much; the log keeps it."""
    return db.execute(delete(TABLE).where(TABLE.c.at < micros(before))).rowcount


def _entry(row: Mapping[Any, Any], keys: KeyStore) -> Entry:
    opened = unseal_fields(json.loads(row["data"]), {"detail": "staff"}, row["tenant"], keys)
    return Entry(
        entry_id=row["entry_id"],
        action=row["action"],
        outcome=row["outcome"],
        actor=row["actor"],
        at=moment(row["at"]),
        detail=json.loads(opened["detail"] or "{}"),
    )
