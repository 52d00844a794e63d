"""Browsers' sessions: a sealed cookie names one, the server knows what it is worth and ends it.

Sessions live in the memory of the one process that serves the pages.  A restart ends them all;
whoever is still signed in at the issuer is back with one click.  Every request verifies the
session's token again, so a role that was taken away, or a key that was removed, counts at once.
"""

import hashlib
import hmac
import json
import re
import secrets
import threading
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from werkzeug import Request, Response

from chassis.auth import Authority, Claims, Unauthenticated
from chassis.clock import Clock, SystemClock
from chassis.errors import Unavailable
from chassis.forms import TOKEN, FormNotOurs
from chassis.sign_in import Begun, Grant, GrantEnded, SignIn

LONGEST = timedelta(hours=12)
IDLE = timedelta(hours=1)
BEGIN_WITHIN = timedelta(minutes=10)
_MOST = 10_000
_EARLY = timedelta(seconds=30)
_TEXT = re.compile(r"[A-Za-z0-9_-]{20,4000}", re.ASCII)


class SignInNeeded(Unauthenticated):
    """Sign in first."""

    code = "sign_in_needed"


@dataclass(kw_only=True, slots=True)
class Session:
    """One browser that somebody signed in with.

    Args:
        number: Names it; only the cookie has it, sealed.
        grant: What the issuer gave.
        claims: What that proves now.
        ends: When it is over, whatever happens.
        seen: When it was used last.
    """

    number: str = field(repr=False)
    grant: Grant = field(repr=False)
    claims: Claims
    ends: datetime
    seen: datetime
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Sessions:
    """Every session of this process.

    Args:
        secret: The deployment's key, from which the cookies' key derives.
        authority: Verifies tokens.
        scope: What somebody must be allowed to have a session at all.
        secure: Send cookies over TLS only.
        sign_in: Prolongs grants; None where people bring tokens of their own.
        clock: Real time, also while the business runs in the past.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        authority: Authority,
        scope: str,
        secure: bool,
        sign_in: SignIn | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._cipher = AESGCM(hmac.digest(secret, b"browser sessions", hashlib.sha256))
        self._form_key = hmac.digest(secret, b"browser session forms", hashlib.sha256)
        self._authority = authority
        self.scope = scope
        self._secure = secure
        self._sign_in = sign_in
        self._clock = clock or SystemClock()
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()
        # A browser takes such a name only over TLS and for the whole host, from the host itself.
        prefix = "__Host-" if secure else ""
        self.cookie, self._under_way = f"{prefix}session", f"{prefix}sign-in"

    def begin(self, response: Response, grant: Grant, claims: Claims) -> Response:
        """Open a session and put its cookie into a response; raises MissingScope."""
        claims.require(self.scope)
        now = self._clock.now()
        session = Session(
            number=secrets.token_urlsafe(32),
            grant=grant,
            claims=claims,
            ends=now + LONGEST,
            seen=now,
        )
        with self._lock:
            self._known[session.number] = session
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        self._set(response, self.cookie, [session.number], LONGEST)
        response.delete_cookie(self._under_way, secure=self._secure, httponly=True, samesite="Lax")
        return response

    def of(self, request: Request) -> Session:
        """Return the browser's session, its rights as they are now.

        Raises:
            SignInNeeded: there is none, or it is over.
            MissingScope: the right to be here was taken away.
        """
        said = self._read(request, self.cookie)
        session = self._known.get(str(said[0])) if said else None
        if session is None:
            raise SignInNeeded("Sign in.")
        try:
            session.claims = self._current(session)
        except Unauthenticated as over:
            self._forget(session)
            raise SignInNeeded("Your session is over.") from over
        session.claims.require(self.scope)
        return session

    def alive(self, session: Session) -> bool:
        """Say whether a session is still good, without using it."""
        with suppress(Unauthenticated, Unavailable):
            known = self._known.get(session.number) is session
            return known and self._timely(session) and self._verified(session).may(self.scope)
        return False

    def end(self, response: Response, session: Session) -> Response:
        """Close a session for good: a copy of its cookie opens nothing."""
        self._forget(session)
        response.delete_cookie(self.cookie, secure=self._secure, httponly=True, samesite="Lax")
        return response

    def await_answer(self, response: Response, begun: Begun) -> Response:
        """Have the browser remember a sign-in that it began."""
        self._set(response, self._under_way, [begun.said()], BEGIN_WITHIN)
        return response

    def awaited(self, request: Request) -> Begun:
        """Return the sign-in that the browser began; raises SignInNeeded."""
        said = self._read(request, self._under_way)
        if said is None:
            raise SignInNeeded("This sign-in was begun elsewhere, or too long ago.")
        return Begun(**said[0])

    def form_token(self, session: Session, action: str) -> str:
        """Return what a form must hold to be sent to ``action`` in this session."""
        said = f"{session.number}\x1f{action}".encode()
        return urlsafe_b64encode(hmac.digest(self._form_key, said, hashlib.sha256)).decode()

    def check_form(self, request: Request, session: Session) -> None:
        """Let a form pass that was made here for this session; raises FormNotOurs."""
        check_site(request)
        wanted = self.form_token(session, request.path)
        if not hmac.compare_digest(request.form.get(TOKEN, "").encode(), wanted.encode()):
            raise FormNotOurs("Open the page again and send it from there.")

    def _current(self, session: Session) -> Claims:
        with session.lock:
            if not self._timely(session):
                raise SignInNeeded("Your session is over.")
            session.seen = now = self._clock.now()
            ends = datetime.fromtimestamp(session.claims.until, tz=now.tzinfo)
            if self._sign_in is not None and session.grant.refresh and now >= ends - _EARLY:
                session.grant = self._prolonged(self._sign_in, session)
            return self._verified(session)

    def _prolonged(self, sign_in: SignIn, session: Session) -> Grant:
        try:
            return sign_in.prolonged(session.grant)
        except GrantEnded as ended:
            raise SignInNeeded("Your session is over.") from ended
        except Unavailable:
            # The token itself says how long it can go on like this.
            return session.grant

    def _verified(self, session: Session) -> Claims:
        return self._authority.claims(session.grant.access)

    def _timely(self, session: Session) -> bool:
        now = self._clock.now()
        return now < session.ends and now - session.seen < IDLE

    def _forget(self, session: Session) -> None:
        with self._lock:
            self._known.pop(session.number, None)

    def _set(self, response: Response, name: str, said: list[Any], lasts: timedelta) -> None:
        until = int((self._clock.now() + lasts).timestamp())
        nonce = secrets.token_bytes(12)
        plain = json.dumps([until, *said]).encode()
        sealed = nonce + self._cipher.encrypt(nonce, plain, name.encode())
        response.set_cookie(
            name,
            urlsafe_b64encode(sealed).decode().rstrip("="),
            max_age=int(lasts.total_seconds()),
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )

    def _read(self, request: Request, name: str) -> list[Any] | None:
        text = request.cookies.get(name, "")
        if not _TEXT.fullmatch(text):
            return None
        try:
            raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")
            plain = self._cipher.decrypt(raw[:12], raw[12:], name.encode())
        except (NotBase64, ValueError, InvalidTag):
            return None
        until, *said = json.loads(plain)
        return said if until >= self._clock.now().timestamp() else None


def check_site(request: Request) -> None:
    """Let a form pass unless another site sent it; raises FormNotOurs."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise FormNotOurs("Another site sent this form.")
    origin = request.headers.get("Origin")
    if origin not in (None, "null") and origin.partition("://")[2] != request.host:
        raise FormNotOurs("Another site sent this form.")
