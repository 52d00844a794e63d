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


def of_our_own(
    secret: bytes,
    command_id: UUID,
    *,
    tenant: str,
    actor: str,
    now: datetime,
    traceparent: str | None = None,
) -> Context:
    """Return the context of what the system begins by itself, without a cause in any log.

    Args:
        secret: Of the service; keys the digest.
        command_id: All that the command says is in it, so that it is its own cause and content.
        tenant: Whose data is touched.
        actor: Which part of the system.
        now: The moment at which it happens.
        traceparent: Of what is going on, if it is traced.
    """
    return Context(
        tenant=tenant,
        actor=actor,
        command_id=command_id,
        digest=digest_of(secret, str(command_id).encode()),
        correlation_id=command_id,
        causation_id=command_id,
        traceparent=traceparent,
        now=now,
    )
