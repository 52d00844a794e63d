"""Sign people in at the issuer: Authorization Code with PKCE, state and nonce."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from chassis import trust
from chassis.auth import Authority, Claims
from chassis.clock import Clock, SystemClock
from chassis.errors import Rejected, Unavailable
from chassis.jwks import Discovered, KeySource, discover, key_source
from chassis.kept import Kept
from chassis.logs import get_logger
from chassis.settings import Settings
from chassis.signed_tokens import InvalidToken, SignedTokens

_TIMEOUT = 10.0
_SCOPE = "openid profile"
# The only answer that is about the person's grant (RFC 6749, 5.2); others are about us, or a rush.
_ENDED = "invalid_grant"
_log = get_logger(__name__)


class SignInRefused(Rejected):
    """The issuer did not vouch for anybody; begin again."""

    code = "sign_in_refused"
    status = 401


class GrantEnded(Rejected):
    """The issuer does not prolong this sign-in any more."""

    code = "sign_in_ended"
    status = 401


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A sign-in that is under way; only the browser that began it may end it.

    Args:
        state: Comes back with the issuer's answer.
        nonce: Comes back inside the identity token.
        verifier: Proves to the issuer that the code is ours.
        return_to: Which of our pages was wanted.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str = "/"

    def said(self) -> dict[str, str]:
        """Return it as JSON types, to be sealed."""
        return asdict(self)


def begun(return_to: str) -> Begun:
    """Begin a sign-in that comes back to one of our own pages.

    >>> begun("//evil.test/").return_to, begun("/numbers/gmv?cycle=2026-W19").return_to
    ('/', '/numbers/gmv?cycle=2026-W19')
    """
    ours = return_to.startswith("/") and not return_to.startswith(("//", "/\\"))
    return Begun(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        return_to=return_to if ours and return_to.isprintable() else "/",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What the issuer gave for somebody.

    Args:
        access: The token that says what they may do.
        refresh: Prolongs it, once; None where the issuer gives none.
        name: What to call them on a page; nothing to be stored.
    """

    access: str
    refresh: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """As whom we sign people in.

    Args:
        client_id: Our name at the issuer.
        client_secret: Returns how we prove it, as it is now: it is renewed while we run.
        redirect_uri: Where the issuer sends browsers back to.
    """

    client_id: str
    client_secret: Callable[[], str]
    redirect_uri: str


class SignIn:
    """Our side of the protocol, at one issuer.

    Args:
        client: As whom.
        issuer: Whose discovery document says where everything is.
        keys: The issuer's public keys.
        authority: Verifies what the issuer grants.
        clock: Real time.
    """

    def __init__(
        self,
        client: ClientSettings,
        *,
        issuer: str,
        keys: KeySource,
        authority: Authority,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._client = client
        self._issuer = issuer
        self._authority = authority
        self._places = Kept(lambda: discover(issuer), clock, "the issuer's discovery document")
        self._identities = SignedTokens(keys, issuer=issuer, audience=client.client_id, clock=clock)

    @property
    def home(self) -> str:
        """Where browsers reach our pages."""
        parts = urlsplit(self._client.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}/"

    def address(self, begun: Begun) -> str:
        """Return where the browser goes; raises Unavailable."""
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": _SCOPE,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge_of(begun.verifier),
            "code_challenge_method": "S256",
        }
        where = self._discovered().authorization or ""
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    def finish(self, answer: Mapping[str, str], begun: Begun) -> tuple[Grant, Claims]:
        """Turn the issuer's answer into a grant.

        Raises:
            SignInRefused: it is not the answer to this browser's question, or a refusal.
            InvalidToken: what it grants does not verify.
            Unavailable: the issuer does not answer.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise SignInRefused("The answer belongs to another sign-in.")
        if answer.get("iss", self._issuer) != self._issuer:
            raise SignInRefused("Another issuer answered.")
        if "code" not in answer:
            raise SignInRefused("The issuer refused.")
        found = self._tokens(
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=self._client.redirect_uri,
            code_verifier=begun.verifier,
        )
        identity = self._identity(found, begun.nonce)
        grant = _grant(found, identity.get("name"))
        claims = self._authority.claims(grant.access)
        if claims.subject != identity["sub"]:
            raise SignInRefused("The issuer vouched for two different people.")
        return grant, claims

    def prolonged(self, grant: Grant) -> Grant:
        """Return a fresh grant for one that ends; the old one is used up.

        Raises:
            GrantEnded: the issuer does not prolong it.
            Unavailable: it does not answer.
        """
        if grant.refresh is None:
            raise GrantEnded("Sign in again.")
        try:
            found = self._tokens(grant_type="refresh_token", refresh_token=grant.refresh)
        except SignInRefused as refused:
            raise GrantEnded("Sign in again.") from refused
        fresh = _grant(found, grant.name)
        return (
            fresh
            if fresh.refresh
            else Grant(access=fresh.access, refresh=grant.refresh, name=grant.name)
        )

    def elsewhere(self, back_to: str) -> str | None:
        """Return where somebody ends their session at the issuer too, if there is such a place."""
        try:
            where = self._discovered().end_session
        except Unavailable:
            return None
        asked = {"post_logout_redirect_uri": back_to, "client_id": self._client.client_id}
        return f"{where}?{urlencode(asked)}" if where else None

    def _identity(self, found: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        identity = self._identities.verified(str(found.get("id_token", "")))
        if not hmac.compare_digest(str(identity.get("nonce", "")).encode(), nonce.encode()):
            raise SignInRefused("The identity token belongs to another sign-in.")
        # For several audiences, or another party, the token must say that it was made for us.
        several = isinstance(identity["aud"], list) and len(identity["aud"]) > 1
        if identity.get("azp", None if several else self._client.client_id) != (
            self._client.client_id
        ):
            raise InvalidToken("The token is malformed.")
        return identity

    def _tokens(self, **form: str) -> Mapping[str, Any]:
        where = self._discovered().token
        credentials = (self._client.client_id, self._client.client_secret())
        try:
            answer = httpx.post(
                where or "",
                data=form,
                auth=credentials,
                timeout=_TIMEOUT,
                verify=trust.context(),
            )
        except httpx.HTTPError as error:
            raise Unavailable("the issuer does not answer") from error
        found = _said(answer)
        if answer.status_code == httpx.codes.BAD_REQUEST and found.get("error") == _ENDED:
            raise SignInRefused("The issuer refused.")
        if not answer.is_success or not isinstance(found.get("access_token"), str):
            # Whoever signs in can do nothing about it, and who is signed in stays so for a while.
            _log.error("sign_in.not_answered", status=answer.status_code)
            raise Unavailable("the issuer's answer cannot be used")
        return found

    def _discovered(self) -> Discovered:
        return self._places.not_older_than()


def challenge_of(verifier: str) -> str:
    """Return what PKCE shows of a verifier before it is told (RFC 7636, S256).

    >>> challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def sign_in_at(settings: Settings, client: ClientSettings, authority: Authority) -> SignIn:
    """Return the sign-in at the issuer that a process's settings name."""
    clock = SystemClock()
    keys = key_source(settings.jwks, settings.issuer, settings.environment, clock)
    return SignIn(client, issuer=settings.issuer, keys=keys, authority=authority, clock=clock)


def _said(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _grant(found: Mapping[str, Any], name: Any) -> Grant:
    refresh = found.get("refresh_token")
    return Grant(
        access=found["access_token"],
        refresh=refresh if isinstance(refresh, str) else None,
        name=name if isinstance(name, str) else None,
    )
