"""Why a use case runs: for whom, caused by what, at which moment."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What every event of one use case inherits.

    Args:
        tenant: Whose data is touched.
        actor: Who asked, opaque: ``user:<id>``, ``process:<name>``, ``service:<name>``.
        command_id: The same id again returns the first result.
        digest: Keyed HMAC of the command; the same id with another digest is refused.
        correlation_id: Shared by everything that follows from one outside cause.
        causation_id: The event or command that directly caused this one.
        traceparent: W3C trace context of the cause.
        now: The moment at which it happens; never before its cause.
    """

    tenant: str
    actor: str
    command_id: UUID
    digest: bytes
    correlation_id: UUID
    causation_id: UUID
    traceparent: str | None
    now: datetime


def digest_of(key: bytes, command: bytes) -> bytes:
    """Return the keyed HMAC-SHA256 of a command's canonical bytes."""
    return hmac.digest(key, command, hashlib.sha256)
