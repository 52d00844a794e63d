"""What identity reads of other services' events, and nothing more of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.upstream import Upstream

upstream = Upstream()


@upstream.event("listening", "mention_detected")
@dataclass(frozen=True, kw_only=True, slots=True)
class MentionDetected:
    """Somebody spoke of the brand."""

    platform: str
    author_account: UUID


@upstream.event("commerce", "order_confirmed")
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfirmed:
    """Somebody bought."""

    order_id: str
    person_id: str | None = None


@upstream.event("listening", "erasure_confirmed")
@upstream.event("campaigns", "erasure_confirmed")
@upstream.event("commerce", "erasure_confirmed")
@upstream.event("loop", "erasure_confirmed")
@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureConfirmed:
    """A service has forgotten some subjects."""

    request_id: UUID
    subjects: Sequence[str]
