"""Fold what is known of stores into the look-up."""

import json

from chassis.changes import Changes, put
from chassis.envelope import Envelope
from chassis.projections import Projection
from commerce.stores_events import StoreDescribed
from commerce.stores_tables import stores

MICRODEGREES = 1_000_000

directory = Projection("stores", [stores])


@directory.fold(StoreDescribed)
def show_store(event: StoreDescribed, stored: Envelope) -> Changes:
    """Show a store as it was last described."""
    hours = [[entry.weekday, entry.opens, entry.closes] for entry in event.hours]
    yield put(
        stores,
        tenant=stored.tenant,
        store_id=event.store_id,
        name=event.name,
        address=event.address,
        region=event.region,
        latitude=round(event.position.latitude * MICRODEGREES),
        longitude=round(event.position.longitude * MICRODEGREES),
        zone=event.zone,
        hours=json.dumps(hours),
    )
