"""One good example of every event about shoppers, for tests to vary."""

from commerce import buyers_events

BUYER_LINKED = buyers_events.BuyerLinked(
    visitor="visitor-0123456789abcdef0123456789abcdef", person_id="person-1"
)
