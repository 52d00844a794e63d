"""The tables that every service has besides its log and its own read models."""

from sqlalchemy import MetaData

from chassis import (
    audit,
    checkpoints,
    idempotency,
    leases,
    lookups,
    parked,
    parked_audit,
    processes,
    timers,
)
from chassis.quotas import tables as quotas


def define_all(metadata: MetaData) -> None:
    """Add the chassis's tables to a service's own metadata."""
    audit.define_table(metadata)
    checkpoints.define_table(metadata)
    idempotency.define_table(metadata)
    leases.define_table(metadata)
    lookups.define_table(metadata)
    parked.define_table(metadata)
    parked_audit.define_table(metadata)
    processes.define_table(metadata)
    quotas.define_tables(metadata)
    timers.define_table(metadata)
