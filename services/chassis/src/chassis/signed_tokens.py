"""Signed tokens: which signatures, headers and times count, whatever the token says."""

import math
import re
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from chassis.clock import Clock
from chassis.errors import Rejected
from chassis.jwks import KeySource

# Only asymmetric ones: with HS256 whoever has the public key could sign.
ALGORITHMS = ("ES256", "RS256", "EdDSA", "Ed25519")
LEEWAY_SECONDS = 30
LONGEST_TOKEN = 8192
# A token that says where its key is to be had, or what else must be understood, is not ours.
_NEVER = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_TIMES = ("exp", "nbf", "iat")
_MALFORMED = (JoseError, ValueError, TypeError, OverflowError, RecursionError)


class Unauthenticated(Rejected):
    """A valid bearer token is needed."""

    code = "unauthenticated"
    status = 401
    challenge = "Bearer"


class InvalidToken(Unauthenticated):
    """The bearer token is not one that this service trusts."""

    code = "invalid_token"
    challenge = 'Bearer error="invalid_token"'


class SignedTokens:
    """Verifies one issuer's tokens for one audience.

    Args:
        keys: The issuer's public keys.
        issuer: The only ``iss`` that counts.
        audience: What ``aud`` must contain.
        clock: Real time; it may differ from the issuer's by ``LEEWAY_SECONDS``.
        more: Claims that must be there besides, as joserfc describes them.
    """

    def __init__(
        self, keys: KeySource, *, issuer: str, audience: str, clock: Clock, **more: Any
    ) -> None:
        self._keys = keys
        self._registry = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
            **more,
        )

    def ready(self) -> None:
        """Return once the issuer's keys are there; raises Unavailable."""
        self._keys.current()

    def verified(self, token: str) -> Mapping[str, Any]:
        """Return a token's claims.

        Raises:
            InvalidToken: it is malformed, unsigned, expired, or meant for somebody else.
            Unavailable: the issuer's keys cannot be had.
        """
        if len(token) > LONGEST_TOKEN or not _TOKEN.fullmatch(token):
            raise InvalidToken("The token is malformed.")
        keys = self._keys.current()
        try:
            return self._checked(token, keys)
        except InvalidKeyIdError:
            return self._with_newer_keys(token)
        except _MALFORMED as error:
            raise InvalidToken(_reason(error)) from error

    def _with_newer_keys(self, token: str) -> Mapping[str, Any]:
        keys = self._keys.refreshed()
        try:
            return self._checked(token, keys)
        except _MALFORMED as error:
            raise InvalidToken(_reason(error)) from error

    def _checked(self, token: str, keys: KeySet) -> Mapping[str, Any]:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        _check_header(decoded.header)
        claims: Mapping[str, Any] = decoded.claims
        _check_times(claims)
        self._registry.validate(dict(claims))
        return claims


def _check_header(header: Mapping[str, Any]) -> None:
    """Refuse a header that asks for more than to be verified; raises ValueError."""
    if _NEVER & header.keys():
        raise ValueError("the header names a key or an extension")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise ValueError("another type of token")


def _check_times(claims: Mapping[str, Any]) -> None:
    """Refuse moments that arithmetic cannot be done with: "not a number" never ends."""
    for name in _TIMES:
        value = claims.get(name, 0)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ValueError("a moment has the wrong form")


def _reason(error: Exception) -> str:
    """Say what is wrong with a token in words that hold nothing of the token."""
    return (
        f"The token is refused: {error.error}."
        if isinstance(error, JoseError)
        else "The token is malformed."
    )
