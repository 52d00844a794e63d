"""Settings for tests: whole, and pointing nowhere."""

from dataclasses import replace
from typing import Any

from chassis.settings import Settings

_FIXED = Settings(
    service="demo",
    environment="test",
    database_url="sqlite://",
    keys_url="sqlite:///:memory:",
    amqp_uri="amqp://127.0.0.1:1/none",
    secret=b"a secret for tests, thirty-two b",
    master_key=b"a wrapping key for tests, 32 by.",
    jwks="jwks.json",
    issuer="https://issuer.test",
    audience="sixfold",
)

UNLIMITED = dict.fromkeys(
    ("RATE_SUBJECT", "RATE_ADDRESS", "RATE_CODES", "RATE_FORMS", "RATE_SIGN_IN"), "0"
)
"""Settings of a process that one client may ask as fast as it can: a demonstration, a lab."""


def settings(**changes: Any) -> Settings:
    """Return settings that fit a test, with some of them changed."""
    return replace(_FIXED, **changes)
