"""What identity itself goes by of a tenant, in the transaction of the event that says so."""

from chassis.changes import Changes
from chassis.envelope import Envelope
from chassis.projections import Projection
from chassis.quotas import hearing
from chassis.quotas.tables import quota_limits
from identity.events import TenantQuotasSet

limits = Projection("quota_limits", [quota_limits])


@limits.fold(TenantQuotasSet)
def keep_limits(event: TenantQuotasSet, envelope: Envelope) -> Changes:
    """Let what the tenant may do count here from its next command on."""
    yield hearing.told(envelope.tenant, zone=event.zone, limits=event.limits)
