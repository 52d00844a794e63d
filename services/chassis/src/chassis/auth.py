"""Bearer tokens: who asks, for which tenant, and what they may do."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chassis import break_glass
from chassis.break_glass import Emergencies
from chassis.clock import Clock, SystemClock
from chassis.errors import Forbidden, Unavailable
from chassis.jwks import KeySource, key_source
from chassis.rights import Rights, TokenRights, rights_from
from chassis.settings import Settings
from chassis.signed_tokens import InvalidToken, SignedTokens, Unauthenticated

__all__ = ["Authority", "Claims", "InvalidToken", "MissingScope", "Unauthenticated"]

ANYONE = "*"
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SUBJECT = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


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

    Args:
        tenant: Whose data it is about.
        subject: Who it is, opaque.
        scopes: What they may do, roles and groups already counted in.
        roles: Which roles of the installation they have.
        client: The program that asks for them, or by itself.
        break_glass: Why they came with the credential for emergencies; None for the usual way.
        until: When the token ends, in seconds.
        token_id: What the issuer calls the token.
    """

    tenant: str
    subject: str
    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()
    client: str | None = field(default=None, compare=False)
    break_glass: str | None = None
    until: int = field(default=0, compare=False)
    token_id: str | None = field(default=None, compare=False)

    @property
    def actor(self) -> str:
        """Who acts, as events record it."""
        known = self.subject.startswith(("service:", f"{break_glass.ISSUER}:"))
        return self.subject if known else f"user:{self.subject}"

    def may(self, scope: str) -> bool:
        """Say whether something is allowed."""
        return scope == ANYONE or scope in self.scopes

    def require(self, scope: str) -> None:
        """Let pass who holds ``scope``; raises MissingScope."""
        if not self.may(scope):
            raise MissingScope(scope)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimNames:
    """What the issuer calls the claims that are not standardised."""

    tenant: str = "tenant"
    scope: str = "scope"
    groups: str = "groups"
    roles: str = "roles"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthSettings:
    """Whose tokens are trusted.

    Args:
        issuer: The only ``iss`` that counts.
        audience: What ``aud`` must contain.
        jwks: Path or http(s) address of the issuer's public keys; None to discover it.
        environment: Name of the deployment; development keys are refused in production.
        roles_file: Which scopes a role has, and which roles a group has.
        break_glass_keys: Public keys of the credentials for emergencies.
        names: What the issuer calls its claims.
    """

    issuer: str
    audience: str
    jwks: str | None = None
    environment: str
    roles_file: Path | None = None
    break_glass_keys: str | None = None
    names: ClaimNames = ClaimNames()


class Authority:
    """Turns bearer tokens into claims.

    Args:
        keys: The issuer's public keys.
        issuer: The only ``iss`` that counts.
        audience: What ``aud`` must contain.
        clock: What ``exp`` and ``nbf`` are compared with: real time, also while the
            business runs in the past.
        names: What the issuer calls its claims.
        rights: What scopes, groups and roles of a token allow.
        emergencies: Verifies the credentials for emergencies, where there are any.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        clock: Clock,
        names: ClaimNames | None = None,
        rights: Rights | None = None,
        emergencies: Emergencies | None = None,
    ) -> None:
        self._tokens = SignedTokens(keys, issuer=issuer, audience=audience, clock=clock)
        self._names = names or ClaimNames()
        self.rights = rights or TokenRights()
        self._emergencies = emergencies

    def ready(self) -> None:
        """Return once the issuer's keys are there; raises Unavailable."""
        self._tokens.ready()

    def claims(self, token: str) -> Claims:
        """Verify a token.

        Raises:
            InvalidToken: it is malformed, unsigned, expired, or meant for somebody else.
            Unavailable: the issuer's keys cannot be had.
        """
        urgent = self._emergencies.verified(token) if self._emergencies else None
        found = urgent or self._tokens.verified(token)
        try:
            return _urgent_claims(urgent) if urgent else self._claims(found)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidToken("The token is malformed.") from error

    def _claims(self, found: Mapping[str, Any]) -> Claims:
        names = self._names
        tenant = _matching(TENANT, found.get(names.tenant))
        subject = _matching(_SUBJECT, found.get("sub"))
        if subject.startswith(f"{break_glass.ISSUER}:"):
            raise ValueError("the issuer names an emergency credential")
        client = found.get("azp", found.get("client_id"))
        granted = self.rights.granted(
            tenant=tenant,
            scopes=_texts(found.get(names.scope, "")),
            groups=_texts(found.get(names.groups, [])),
            roles=_texts(found.get(names.roles, [])),
            client=None if client is None else _matching(_SUBJECT, client),
            subject=subject,
        )
        return Claims(
            tenant=tenant,
            subject=subject,
            scopes=granted.scopes,
            roles=granted.roles,
            client=client,
            until=int(found["exp"]),
            token_id=str(found.get("jti", "")),
        )


def _urgent_claims(found: Mapping[str, Any]) -> Claims:
    return Claims(
        tenant=_matching(TENANT, found.get("tenant")),
        subject=_matching(_SUBJECT, found.get("sub")),
        scopes=_texts(found.get("scope", "")),
        break_glass=found["reason"],
        until=found["exp"],
        token_id=found["jti"],
    )


def authority_of(settings: Settings) -> Authority:
    """Build the authority that a process's settings describe; raises as ``authority_from``."""
    return authority_from(
        AuthSettings(
            issuer=settings.issuer,
            audience=settings.audience,
            jwks=settings.jwks,
            environment=settings.environment,
            roles_file=settings.roles_file,
            break_glass_keys=settings.break_glass_keys,
            names=ClaimNames(
                tenant=settings.claim_tenant,
                scope=settings.claim_scope,
                groups=settings.claim_groups,
                roles=settings.claim_roles,
            ),
        )
    )


def authority_from(settings: AuthSettings, clock: Clock | None = None) -> Authority:
    """Build the authority that settings describe.

    Raises:
        DevelopmentIssuerRefused: production is set up to trust development keys.
        RolesInvalid: the file of roles is not one.
    """
    clock = clock or SystemClock()
    keys = key_source(settings.jwks, settings.issuer, settings.environment, clock)
    # An issuer that is still starting is asked again at the first request.
    with suppress(Unavailable):
        keys.current()
    emergencies = None
    if settings.break_glass_keys:
        emergencies = Emergencies(
            settings.break_glass_keys, audience=settings.audience, clock=clock
        )
    return Authority(
        keys,
        issuer=settings.issuer,
        audience=settings.audience,
        clock=clock,
        names=settings.names,
        rights=rights_from(settings.roles_file),
        emergencies=emergencies,
    )


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise TypeError("A claim has the wrong form.")
    return value


def _texts(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return frozenset(value)
    raise TypeError("A claim has the wrong form.")
