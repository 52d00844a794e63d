"""Contexts for tests: fixed ids, a fixed moment."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.context import Context, digest_of
from chassis.ids import new_id

SECRET = b"a secret for tests, thirty-two b"
NOW = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
_FIXED = Context(
    tenant="acme",
    actor="user:test",
    command_id=UUID(int=1),
    digest=b"",
    correlation_id=UUID(int=2),
    causation_id=UUID(int=3),
    traceparent=None,
    now=NOW,
)


def context(*, command: bytes = b"command", **changes: object) -> Context:
    """Return a context with a fresh command id, unless told otherwise."""
    fresh = {"command_id": new_id(), "digest": digest_of(SECRET, command)}
    return replace(_FIXED, **{**fresh, **changes})  # type: ignore[arg-type]  # names are Context's
