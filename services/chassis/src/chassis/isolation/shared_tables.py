"""The tables that have no tenant, each with the reason; what each role may do with a table.

A new table either has a column ``tenant``, and gets its policies by itself, or is listed here:
``tests/security`` fails otherwise, and nobody but the owner may touch it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TENANT = "tenant"
"""The column that says whose a row is."""

READ = ("SELECT",)
ADD = ("SELECT", "INSERT")
MOVE = ("SELECT", "UPDATE")
KEEP = ("SELECT", "INSERT", "UPDATE")
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
NOTHING = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What the application and the system role may do with a table."""

    application: tuple[str, ...]
    system: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """A table whose rows are nobody's in particular.

    Args:
        reason: Why it has no tenant, and what somebody learns who reads it.
    """

    reason: str
    rights: Rights


WITHOUT_TENANT: Mapping[str, Shared] = {
    "alembic_version": Shared(
        reason="says which revision the schema is at; nothing of anybody's",
        rights=Rights(application=READ, system=READ),
    ),
    "checkpoints": Shared(
        reason="says how far each reader of a log has come; a reader's batches mix tenants",
        rights=Rights(application=NOTHING, system=ALL),
    ),
    "leases": Shared(
        reason="divides the queues of a subscription among workers; lanes mix tenants",
        rights=Rights(application=NOTHING, system=ALL),
    ),
    "parked_audit": Shared(
        reason="says what operators did, whose right is on the installation",
        rights=Rights(application=NOTHING, system=ADD),
    ),
    "pending": Shared(
        reason="has the numbers of rows that wait for their positions, of the log as a whole",
        rights=Rights(application=ADD, system=ALL),
    ),
    "positions": Shared(
        reason="has the log's one order and its chains over all tenants: numbers and hashes, "
        "whose events stay hidden behind the policy of ``events``",
        rights=Rights(application=READ, system=ADD),
    ),
    "heads": Shared(
        reason="has the last position and chain of each lane, in which tenants are mixed",
        rights=Rights(application=READ, system=MOVE),
    ),
    "restored": Shared(
        reason="says which backup a database was restored from, if from any",
        rights=Rights(application=READ, system=READ),
    ),
    "released": Shared(
        reason="says which positions have left for the segments, and where those are",
        rights=Rights(application=READ, system=READ),
    ),
}

USUAL = Rights(application=ALL, system=ALL)
NARROWER: Mapping[str, Rights] = {
    "events": Rights(application=ADD, system=ADD),
    "commands": Rights(application=ADD, system=ADD),
    "streams": Rights(application=KEEP, system=KEEP),
    "parked": Rights(application=NOTHING, system=ALL),
}
"""Tables that have a tenant, with which not everything may be done."""


def rights_on(table: str, *, has_tenant: bool) -> Rights | None:
    """Return what may be done with a table; None where nobody has said so."""
    if has_tenant:
        return NARROWER.get(table, USUAL)
    shared = WITHOUT_TENANT.get(table)
    return shared.rights if shared else None
