"""Requests that carry no token but a signature: a provider's callbacks, by tenant."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from werkzeug import Request

from chassis.auth import Unauthenticated
from chassis.clock import Clock

SIGNATURE_HEADER = "Callback-Signature"
_TENANT = re.compile(r"/v1/tenants/([A-Za-z0-9][A-Za-z0-9_.-]{0,63})/", re.ASCII)
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", re.ASCII)


class WrongSignature(Unauthenticated):
    """The callback's signature is missing, wrong or too old."""

    code = "wrong_signature"
    challenge = "Callback-Signature"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedCallback:
    """Finds the tenant in ``/v1/tenants/<tenant>/...`` and proves it by the signature.

    Use it as a route's ``tenant_from``, with ``body_key`` as its ``key_from``.

    Args:
        secrets_of: The secrets shared with a tenant's provider; two while one is replaced,
            none for an unknown tenant.
        clock: What the signature's time is compared with.
        tolerance: How far the two may be apart.
    """

    secrets_of: Callable[[str], Sequence[bytes]]
    clock: Clock
    tolerance: timedelta = timedelta(minutes=5)

    def __call__(self, request: Request) -> str:
        """Return the tenant.

        Raises:
            WrongSignature: the request was not signed for this tenant a moment ago.
        """
        path = _TENANT.match(request.path)
        given = _SIGNATURE.fullmatch(request.headers.get(SIGNATURE_HEADER, ""))
        if path is None or given is None:
            raise WrongSignature("The signature is missing or malformed.")
        body = request.get_data(cache=True)
        # An unknown tenant costs the same comparison as a known one.
        known = self.secrets_of(path[1]) or [secrets.token_bytes(32)]
        matches = [
            hmac.compare_digest(_mac(secret, int(given[1]), request.path, body), given[2])
            for secret in known
        ]
        if not any(matches) or not self._timely(int(given[1])):
            raise WrongSignature("The signature does not fit.")
        return path[1]

    def _timely(self, signed_at: int) -> bool:
        return abs(self.clock.now().timestamp() - signed_at) <= self.tolerance.total_seconds()


def sign(secret: bytes, *, at: datetime, path: str, body: bytes) -> str:
    """Return the header with which a provider signs a callback."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_mac(secret, moment, path, body)}"


def body_key(request: Request) -> str:
    """Return the idempotency key of a caller that sends none: the same body is the same call."""
    return hashlib.sha256(request.get_data(cache=True)).hexdigest()


def _mac(secret: bytes, at: int, path: str, body: bytes) -> str:
    return hmac.new(secret, f"{at}.{path}.".encode() + body, hashlib.sha256).hexdigest()
