"""A browser's session: who was proven by a token, in a signed cookie for a few hours."""

import base64
import binascii
import hashlib
import hmac
import json

from werkzeug import Request, Response

from chassis.auth import Claims, Unauthenticated
from chassis.clock import Clock, SystemClock

COOKIE = "loop_session"
SCOPE = "loop.read"
_HOURS = 12


class SignInNeeded(Unauthenticated):
    """The page needs a token of the tenant."""

    code = "sign_in_needed"


class Sessions:
    """Makes and reads session cookies.

    Args:
        secret: The deployment's key; cookies are signed with a key derived from it.
        secure: Send cookies over TLS only.
        clock: Real time, also while the business runs in the past.
    """

    def __init__(self, secret: bytes, *, secure: bool, clock: Clock | None = None) -> None:
        self._key = hmac.digest(secret, b"loop session", hashlib.sha256)
        self._secure = secure
        self._clock = clock or SystemClock()

    def begin(self, response: Response, claims: Claims) -> Response:
        """Put a session for what a token has proven into a response."""
        claims.require(SCOPE)
        until = int(self._clock.now().timestamp()) + _HOURS * 3600
        said = json.dumps([claims.tenant, claims.subject, until]).encode()
        cookie = f"{_text(said)}.{_text(self._sign(said))}"
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=_HOURS * 3600,
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )
        return response

    def tenant(self, request: Request) -> str:
        """Return whose numbers the browser may see; raises SignInNeeded."""
        said, _, signature = request.cookies.get(COOKIE, "").partition(".")
        try:
            content, given = _bytes(said), _bytes(signature)
        except (binascii.Error, ValueError):
            raise SignInNeeded("The session is malformed.") from None
        if not hmac.compare_digest(self._sign(content), given):
            raise SignInNeeded("Sign in with a token.")
        tenant, _, until = json.loads(content)
        if until < self._clock.now().timestamp():
            raise SignInNeeded("The session is over.")
        return str(tenant)

    def _sign(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
