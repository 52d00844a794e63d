"""Admit a request: how often its client asks, who asks, and what is written down of it."""

from dataclasses import dataclass
from typing import Any

from werkzeug import Request, Response

from chassis import audit, incoming
from chassis.audit import Deed
from chassis.auth import Authority, Claims
from chassis.clients import address_of
from chassis.errors import Conflict, Forbidden, Unavailable
from chassis.logs import get_logger
from chassis.rights import Rights, Roles, RolesFile, differing
from chassis.routes import Call, Route
from chassis.storage import Storage
from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric
from chassis.throttle import Allowance, Throttle, TooManyRequests

BREAK_GLASS_USED = metrics.declare(
    Metric(
        name="sixfold.break_glass.used",
        kind="counter",
        unit="{request}",
        description="Requests made with the credential for emergencies",
    )
)
_log = get_logger(__name__)
_TOLD = ("reason", "error", "subscription")


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """What one route's requests have to pass.

    Args:
        route: What is asked for.
        storage: Where the audit is kept.
        authority: Verifies bearer tokens.
        throttle: Counts who asks how often.
    """

    route: Route
    storage: Storage
    authority: Authority
    throttle: Throttle

    def admit(self, request: Request) -> tuple[Claims, Allowance | None]:
        """Return who asks, and what is left of their rate.

        Raises:
            TooManyRequests: they ask too often.
            Unauthenticated: there is no valid token.
            MissingScope: the token does not allow this.
        """
        self.throttle.arrived(self.route, request)
        claims = incoming.claims_of(self.route, request, self.authority, self.storage.secret)
        allowance = self.throttle.admitted(self.route, claims.tenant, claims.subject)
        note_emergency(self.storage, claims, address_of(request, self.throttle.proxies))
        try:
            claims.require(self.route.scope or "*")
        except Forbidden:
            self.note_refusal(claims, request)
            raise
        return claims, allowance

    def audits(self, claims: Claims) -> bool:
        """Say whether what somebody does here is written down."""
        with_scope = self.route.audit_with
        return self.route.audit is not None and (with_scope is None or claims.may(with_scope))

    def deed(
        self, claims: Claims, request: Request, call: Call[Any] | None = None, **marks: bool
    ) -> Deed:
        """Return what is written down of a request.

        Args:
            claims: Of who asks.
            request: As it came.
            call: The same, translated.
            marks: What else is true of it: ``repeated``, ``ahead``.
        """
        detail: dict[str, Any] = {
            **marks,
            "address": address_of(request, self.throttle.proxies),
            "client": claims.client,
            "emergency": claims.break_glass,
            "route": self.route.name,
        }
        if call is not None:
            detail["path"] = dict(call.path)
            detail |= {name: getattr(call.body, name, None) for name in _TOLD}
        return Deed(action=str(self.route.audit), subject=claims.subject, detail=detail)

    def note(self, claims: Claims, deed: Deed, *, once: str | None = None) -> None:
        """Write down what no transaction of its own tells; ``once`` as in ``audit.note``."""
        audit.note(self.storage, deed, tenant=claims.tenant, actor=claims.actor, once=once)

    def note_refusal(self, claims: Claims, request: Request) -> None:
        """Write down that somebody lacked the right to something privileged."""
        if self.route.audit is None:
            return
        told = self.deed(claims, request)
        refused = Deed(
            action=told.action, subject=told.subject, outcome="refused", detail=told.detail
        )
        self.note(claims, refused)


def note_emergency(storage: Storage, claims: Claims, address: str) -> None:
    """Count a use of the credential for emergencies, and write the first one down.

    Args:
        storage: Where the audit is kept.
        claims: Whose; those of the usual way leave nothing.
        address: Where it came from.

    Raises:
        Unavailable: the database does not answer; then nothing is opened.
    """
    if claims.break_glass is None:
        return
    metrics.record(BREAK_GLASS_USED)
    detail = {"address": address, "reason": claims.break_glass, "until": claims.until}
    audit.note(
        storage,
        Deed(action="break_glass.use", subject=claims.subject, detail=detail),
        tenant=claims.tenant,
        actor=claims.actor,
        once=f"{claims.subject} {claims.until} {claims.token_id}",
    )


def with_allowance(response: Response, told: Allowance | Exception | None) -> Response:
    """Tell a client how often it may still ask."""
    allowance = told.allowance if isinstance(told, TooManyRequests) else told
    if isinstance(allowance, Allowance):
        response.headers.update(allowance.headers)
    return response


def note_changes(rights: Rights, storage: Storage) -> None:
    """Have every change of the file of roles written down in a service's audit."""
    if not isinstance(rights, RolesFile):
        return

    def note(before: Roles, after: Roles) -> None:
        detail = {
            "before": before.digest,
            "after": after.digest,
            "changed": differing(before, after),
        }
        # Every process of the service sees the change, and within a minute or two.
        minute = storage.clock.now().strftime("%Y-%m-%dT%H:%M")
        try:
            audit.note(
                storage,
                Deed(action="roles.change", subject="installation", detail=detail),
                tenant=audit.INSTALLATION,
                actor="service:roles",
                once=f"{before.digest} {after.digest} {minute}",
            )
        except (Unavailable, Conflict) as error:
            _log.error("roles.change_not_recorded", error=type(error).__name__)  # says it all

    rights.changed.append(note)
