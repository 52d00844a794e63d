"""The part of commerce's door that is the fulfilment partner's."""

from chassis.callbacks import SignedCallback, body_key
from chassis.clock import SystemClock
from chassis.entrypoints import command
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import fulfilment_port, settings
from commerce.fulfilment_messages import PartnerCallback

_signed = SignedCallback(secrets_of=settings.fulfilment_secrets, clock=SystemClock())


class FulfilmentEdge:
    """What the partner tells of parcels."""

    @command(
        "/v1/tenants/<tenant>/fulfilment/callbacks",
        body=PartnerCallback,
        status=200,
        tenant_from=_signed,
        key_from=body_key,
        actor="service:fulfilment_partner",
    )
    def hear_partner(self, work: UnitOfWork, call: Call[PartnerCallback]) -> Reply:
        """Take note of what became of a parcel."""
        fulfilment_port.hear(work, call.body)
        return Reply(body={"heard": call.body.callback_id})
