"""What a service answers over HTTP, said without any transport."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from werkzeug import Request, Response

from chassis.auth import Claims
from chassis.clock import Clock, SystemClock
from chassis.cursors import Cursors
from chassis.privacy import KeyStore, MemoryKeys
from chassis.quotas.limits import Plan

B_co = TypeVar("B_co", covariant=True)
OPERATE = "operate"
"""The scope of who runs the installation; it belongs to no tenant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One operation: what comes in, what goes out, who may.

    Args:
        method: The HTTP method.
        path: As werkzeug writes it, ``/v1/orders/<uuid:order_id>``.
        kind: A command works in a unit of work, a query only reads.
        summary: One sentence for the API's readers.
        scope: What the bearer token must allow; None where no token can be.
        body: Dataclass of the JSON body.
        query: Dataclass of the query string.
        reply: Dataclass of the answer's body.
        many: The answer's body is a list of ``reply``.
        status: Of a success.
        requires_match: Refuse a request without ``If-Match``.
        tenant_from: Finds the tenant where ``scope`` is None, from a checked signature or
            a host name; raises ``Rejected``.
        tenant_signed: The same where we signed the request's path ourselves: is given the
            deployment's secret too.
        key_from: Finds the idempotency key where the caller cannot send the header.
        actor: Who acts where there is no token.
        open_query: Ignore what ``query`` does not name: other sites append parameters of
            their own.
        body_bytes: Longest body, where it is not the edge's usual limit.
        hot: Its command is decided together with others on the same stream.
        everyones: Its answer is made of several tenants' rows, all meant for everybody.
        promised: Never refused for a quota: it ends what was begun, and refusing it would lose
            money or break a promise.
        acts_for: The argument of an internal path that names the tenant an operator acts for.
        rate: A tighter limit that counts besides the usual ones.
        audit: What a request is called in the audit, where it is privileged: reading or erasing
            what is personal, imports, work on the installation.
        audit_with: Only a token with this scope is written down: what others do and see there is
            not privileged.
        audit_ahead: What it changes is no part of its transaction, so its entry is committed before
            it acts: an entry of something that then failed can be read, the other way round
            nothing can.
        page: Shows a person why something was refused, given a ``page_edge.Refusal``.  With
            it the route is a page for browsers: its bodies are forms with a token of ours,
            and it is no part of the service's API.

    Raises:
        ValueError: the route would be open to everyone.
    """

    method: str
    path: str
    kind: Literal["command", "query"]
    summary: str
    scope: str | None = None
    body: type[object] | None = None
    query: type[object] | None = None
    reply: type[object] | None = None
    many: bool = False
    status: int = 200
    requires_match: bool = False
    tenant_from: Callable[[Request], str] | None = None
    tenant_signed: Callable[[Request, bytes], str] | None = None
    key_from: Callable[[Request], str] | None = None
    actor: str = "anonymous"
    open_query: bool = False
    body_bytes: int | None = None
    hot: bool = False
    everyones: bool = False
    rate: Literal["codes", "sign-in"] | None = None
    audit: str | None = None
    audit_with: str | None = None
    audit_ahead: bool = False
    page: Callable[[Any], Response] | None = None
    promised: bool = False
    acts_for: str | None = None

    def __post_init__(self) -> None:
        """Refuse a route without a guard, or one of a tenant that acts for another."""
        guards = (self.scope, self.tenant_from, self.tenant_signed)
        if sum(guard is not None for guard in guards) != 1:
            raise ValueError(f"{self.name} needs either a scope or tenant_from or tenant_signed")
        if self.acts_for is not None and (self.scope != OPERATE or not self.is_internal):
            raise ValueError(f"{self.name} lets somebody act for a tenant who is no operator")
        if self.audit is not None and (self.hot or self.scope is None):
            raise ValueError(f"{self.name} cannot be audited: it is hot, or nobody is known")
        if self.audit_ahead and (self.audit is None or self.kind != "command"):
            raise ValueError(f"{self.name} has nothing to write down ahead")

    @property
    def unlimited(self) -> bool:
        """Whether nobody counts its requests: those of our own services and of providers."""
        calls_back = self.kind == "command" and self.scope is None and self.page is None
        return calls_back or self.path.startswith("/internal/")

    @property
    def for_all(self) -> bool:
        """Whether it is about what is every tenant's, as all is that stays inside the cluster."""
        return self.everyones or self.is_internal

    @property
    def name(self) -> str:
        """How the route is called in spans, logs and keys."""
        return f"{self.method} {self.path}"

    @property
    def is_internal(self) -> bool:
        """Say whether it is for operators and the other services only."""
        return self.path.startswith("/internal/")

    @property
    def is_charged(self) -> bool:
        """Say whether it counts against a tenant's quotas: what the tenant asks for by a token.

        Providers, marketplaces, shoppers and our own services have none of the tenant's.
        """
        return self.scope is not None and not (self.is_internal or self.promised)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Generic[B_co]):
    """One request, translated and checked.

    Args:
        claims: Who asks, for which tenant.
        body: An object of the route's ``body`` class.
        path: The path's arguments.
        query: An object of the route's ``query`` class.
        if_match: The stream version the caller has seen.
        headers: As they came.
        cursors: Makes and reads the page cursors of this tenant on this route.
        keys: Opens the personal fields that a query may show.
        secret: The deployment's key, for the keyed hashes that something is found by.
        clock: The business's time, for a query that depends on it.
        plan: What the service limits.
    """

    claims: Claims
    body: B_co
    cursors: Cursors
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Any = None
    if_match: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keys: KeyStore = field(default_factory=MemoryKeys, repr=False)
    secret: bytes = field(default=b"", repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)
    plan: Plan = field(default_factory=Plan, repr=False)

    @property
    def tenant(self) -> str:
        """Whose data may be touched."""
        return self.claims.tenant


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a handler answers.

    Args:
        body: A dataclass, JSON types, or a list of either; None for no body.
        status: Instead of the route's.
        version: The stream's version, sent as ``ETag``.
        headers: To send besides.
    """

    body: Any = None
    status: int | None = None
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Any, Call[Any]], object]
