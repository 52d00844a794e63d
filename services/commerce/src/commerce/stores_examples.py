"""One good example of every event about stores, for tests to vary."""

from commerce import stores_events

STORE_DESCRIBED = stores_events.StoreDescribed(
    store_id="taipei-101",
    name="Taipei 101",
    address="No. 7, Section 5, Xinyi Road",
    region="Taipei",
    position=stores_events.Spot(latitude=25.0339, longitude=121.5645),
    zone="Asia/Taipei",
    hours=(stores_events.Hours(weekday=1, opens="11:00", closes="21:30"),),
)
