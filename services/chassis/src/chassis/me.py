"""Who somebody is to a service, and what they may do there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chassis import audit
from chassis.auth import ANYONE, Claims
from chassis.internal_routes import AuditWanted, audit_page
from chassis.rights import INSTALLATION
from chassis.routes import Handler, Reply, Route


@dataclass(frozen=True, kw_only=True, slots=True)
class Me:
    """A token's bearer.

    Args:
        tenant: Whose data they may touch.
        subject: Who they are, opaque.
        actor: As events record them.
        client: The program that asks for them.
        roles: The roles that they have here.
        scopes: What they may do for the tenant, roles counted in.
        installation: Their rights on the installation, over all tenants.
        until: When the token ends, in seconds since 1970.
        emergency: Why they came with the credential for emergencies.
        routes: Which operations of this service are open to them.
    """

    tenant: str
    subject: str
    actor: str
    client: str | None
    roles: list[str]
    scopes: list[str]
    installation: list[str]
    until: int
    emergency: str | None
    routes: list[str]


def me_of(claims: Claims, routes: Iterable[Route]) -> Me:
    """Explain what somebody may do.

    Args:
        claims: What they have proven.
        routes: What the service serves.
    """
    return Me(
        tenant=claims.tenant,
        subject=claims.subject,
        actor=claims.actor,
        client=claims.client,
        roles=sorted(claims.roles),
        scopes=sorted(claims.scopes - INSTALLATION),
        installation=sorted(claims.scopes & INSTALLATION),
        until=claims.until,
        emergency=claims.break_glass,
        routes=sorted(route.name for route in routes if route.scope and claims.may(route.scope)),
    )


def person_routes(served: Callable[[], Iterable[Route]]) -> list[tuple[Route, Handler]]:
    """Return the routes about whoever asks, for a process without nameko.

    Args:
        served: Returns everything that the process serves.
    """
    me = Route(
        method="GET",
        path="/v1/me",
        kind="query",
        summary="Show who the token's bearer is, and what they may do here.",
        scope=ANYONE,
        reply=Me,
    )
    entries = Route(
        method="GET",
        path="/v1/audit",
        kind="query",
        summary="List who did what privileged thing for the caller's tenant, the newest first.",
        scope=audit.SCOPE,
        query=AuditWanted,
    )
    return [(me, lambda _db, call: Reply(body=me_of(call.claims, served()))), (entries, audit_page)]
