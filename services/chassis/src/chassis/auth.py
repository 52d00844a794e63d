"""Bearer tokens: who asks, for which tenant, and what they may do."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from chassis.clock import Clock, SystemClock
from chassis.errors import Forbidden, Rejected, Unavailable
from chassis.jwks import KeySource, key_source

ALGORITHMS = ("ES256", "RS256", "EdDSA", "Ed25519")
_LEEWAY_SECONDS = 30
_LONGEST_TOKEN = 8192
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SUBJECT = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


class Unauthenticated(Rejected):
    """A valid bearer token is needed."""

    code = "unauthenticated"
    status = 401
    challenge = "Bearer"


class InvalidToken(Unauthenticated):
    """The bearer token is not one that this service trusts."""

    code = "invalid_token"
    challenge = 'Bearer error="invalid_token"'


class MissingScope(Forbidden):
    """The token lacks a scope."""

    code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The scope {scope} is missing.")
        self.challenge = f'Bearer error="insufficient_scope", scope="{scope}"'


class ForeignTenant(Forbidden):
    """The token belongs to another tenant."""

    code = "foreign_tenant"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a caller has proven.

    >>> Claims(tenant="acme", subject="u1", scopes=frozenset()).actor
    'user:u1'
    """

    tenant: str
    subject: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """Who acts, as events record it."""
        return self.subject if self.subject.startswith("service:") else f"user:{self.subject}"

    def require(self, scope: str) -> None:
        """Let pass who holds ``scope``; raises MissingScope."""
        if scope not in self.scopes:
            raise MissingScope(scope)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthSettings:
    """Whose tokens are trusted.

    Args:
        issuer: The only ``iss`` that counts.
        audience: What ``aud`` must contain.
        jwks: Path or http(s) address of the issuer's public keys.
        environment: Name of the deployment; development keys are refused in production.
    """

    issuer: str
    audience: str
    jwks: str
    environment: str


class Authority:
    """Turns bearer tokens into claims.

    Args:
        keys: The issuer's public keys.
        issuer: The only ``iss`` that counts.
        audience: What ``aud`` must contain.
        clock: What ``exp`` and ``nbf`` are compared with: real time, also while the
            business runs in the past.
    """

    def __init__(self, keys: KeySource, *, issuer: str, audience: str, clock: Clock) -> None:
        self._keys = keys
        self._registry = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
            tenant={"essential": True},
        )

    def claims(self, token: str) -> Claims:
        """Verify a token.

        Raises:
            InvalidToken: it is malformed, unsigned, expired, or meant for somebody else.
            Unavailable: the issuer's keys cannot be had.
        """
        if len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
            raise InvalidToken("The token is malformed.")
        keys = self._keys.current()
        try:
            return self._verified(token, keys)
        except InvalidKeyIdError:
            return self._with_newer_keys(token)
        except (JoseError, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken(_reason(error)) from error

    def _with_newer_keys(self, token: str) -> Claims:
        keys = self._keys.refreshed()
        try:
            return self._verified(token, keys)
        except (JoseError, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken(_reason(error)) from error

    def _verified(self, token: str, keys: KeySet) -> Claims:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        self._registry.validate(claims)
        return Claims(
            tenant=_matching(_TENANT, claims["tenant"]),
            subject=_matching(_SUBJECT, claims["sub"]),
            scopes=_scopes(claims.get("scope", "")),
        )


def authority_from(settings: AuthSettings, clock: Clock | None = None) -> Authority:
    """Build the authority that settings describe.

    Raises:
        DevelopmentIssuerRefused: production is set up to trust development keys.
    """
    clock = clock or SystemClock()
    keys = key_source(settings.jwks, settings.environment, clock)
    # An issuer that is still starting is asked again at the first request.
    with suppress(Unavailable):
        keys.current()
    return Authority(keys, issuer=settings.issuer, audience=settings.audience, clock=clock)


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise TypeError("A claim has the wrong form.")
    return value


def _scopes(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list) and all(isinstance(scope, str) for scope in value):
        return frozenset(value)
    raise TypeError("The scope claim has the wrong form.")


def _reason(error: Exception) -> str:
    """Say what is wrong with a token in words that hold nothing of the token."""
    return (
        f"The token is refused: {error.error}."
        if isinstance(error, JoseError)
        else ("The token is malformed.")
    )
