"""Carry one request out: checked, authorised, once, in one transaction, and answered."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from werkzeug import Request, Response

from chassis import audit, forms, idempotency, incoming, page_edge, schemas
from chassis.access import Door, with_allowance
from chassis.auth import Authority, Claims, ForeignTenant, MissingScope
from chassis.context import Context, digest_of
from chassis.cursors import Cursors
from chassis.errors import Conflict, Stale
from chassis.hot_batch import Asked
from chassis.hot_route import HotCall, Wish
from chassis.idempotency import IdempotencyKeyReused, Slot, StoredResponse
from chassis.ids import derived_id
from chassis.log import CommandReused
from chassis.quotas.charging import FREE, Charge
from chassis.routes import Call, Handler, Reply, Route
from chassis.storage import Storage
from chassis.telemetry import annotate, current_traceparent, span
from chassis.throttle import Allowance, Throttle, TooManyRequests
from chassis.unit_of_work import UnitOfWork

__all__ = ["IMPORT_SCOPE", "LIMITS", "Call", "Handler", "Limits", "Reply", "Route", "dispatch"]

T = TypeVar("T")
IMPORT_SCOPE = "import"
_NO_CONTENT = 204


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a request may ask for.

    Args:
        body_bytes: Longest body.
        attempts: How often a use case is tried while others write the same streams.
        throttle: How often somebody may ask.
    """

    body_bytes: int = 1 << 20
    attempts: int = 5
    throttle: Throttle = field(default_factory=Throttle)


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    route: Route
    handler: Handler
    storage: Storage
    request: Request
    claims: Claims
    path: Mapping[str, Any]
    door: Door


@dataclass(frozen=True, kw_only=True, slots=True)
class _Accepted:
    call: Call[Any]
    slot: Slot | None
    context: Context
    charge: Charge


def dispatch(
    route: Route,
    handler: Handler,
    storage: Storage,
    authority: Authority,
    request: Request,
    *,
    path: Mapping[str, Any] | None = None,
    limits: Limits = LIMITS,
) -> Response:
    """Answer one request; every failure becomes a problem response.

    Args:
        route: What was asked for.
        handler: Called with a unit of work (command) or a connection (query), and the call.
        storage: The service's database, log, keys and clock.
        authority: Verifies bearer tokens.
        request: As it came.
        path: The path's arguments, converted.
        limits: How much the request may ask for.
    """
    attributes = {"http.request.method": route.method, "http.route": route.path}
    incoming_trace = request.headers.get("traceparent")
    with span(route.name, kind="server", attributes=attributes, parent=incoming_trace):
        told: Allowance | Exception | None = None
        try:
            request.max_content_length = route.body_bytes or limits.body_bytes
            door = Door(route=route, storage=storage, authority=authority, throttle=limits.throttle)
            claims, told = door.admit(request)
            claims = incoming.acting_for(route, claims, path or {})
            if route.is_charged:
                storage.quotas.admit(claims.tenant)
            asked = _Asked(
                route=route,
                handler=handler,
                storage=storage,
                request=request,
                claims=claims,
                path=_checked_path(door, claims, request, path or {}),
                door=door,
            )
            response = _answered(asked, limits)
        except Exception as error:  # noqa: BLE001 -- the edge answers whatever happens
            told = error if isinstance(error, TooManyRequests) else told
            response = page_edge.refused(route, error, request, path or {}, storage)
        with_allowance(response, told)
        if route.page is not None:
            page_edge.guarded(response)
        annotate({"http.response.status_code": response.status_code})
        return response


def _answered(asked: _Asked, limits: Limits) -> Response:
    try:
        return _read(asked) if asked.route.kind == "query" else _write(asked, limits)
    except MissingScope:
        # What a body asks for can need a right besides the route's; its handler finds that out.
        asked.door.note_refusal(asked.claims, asked.request)
        raise


def _checked_path(
    door: Door, claims: Claims, request: Request, path: Mapping[str, Any]
) -> Mapping[str, Any]:
    try:
        return incoming.checked_path(path, claims)
    except ForeignTenant:
        door.note_refusal(claims, request)
        raise


def _read(asked: _Asked) -> Response:
    call = _call(asked, body=None)
    with _opened(asked) as db:
        reply = asked.handler(db, call)
    if not isinstance(reply, Reply | Response):
        raise TypeError(f"{asked.route.name} must answer with a Reply or a Response")
    if asked.door.audits(asked.claims):
        # Before the answer leaves: what cannot be written down is not shown.
        asked.door.note(asked.claims, asked.door.deed(asked.claims, asked.request, call))
    return reply if isinstance(reply, Response) else _response(_rendered(asked.route, reply))


def _opened(asked: _Asked) -> AbstractContextManager[Connection]:
    if asked.route.for_all:
        return asked.storage.system.read()
    return asked.storage.read(asked.claims.tenant)


def _write(asked: _Asked, limits: Limits) -> Response:
    accepted = _accept(asked)
    try:
        return _persistently(lambda: _work(asked, accepted), limits)
    except CommandReused as error:
        raise IdempotencyKeyReused("This Idempotency-Key belongs to another request.") from error
    except Stale as error:
        if accepted.call.if_match is None:
            raise
        raise incoming.PreconditionFailed("Read it again, then decide again.") from error


def _work(asked: _Asked, accepted: _Accepted) -> Response:
    return _together(asked, accepted) if asked.route.hot else _by_itself(asked, accepted)


def _together(asked: _Asked, accepted: _Accepted) -> Response:
    hot = HotCall(context=accepted.context, storage=asked.storage)
    wish = asked.handler(hot, accepted.call)
    if not isinstance(wish, Wish):
        raise TypeError(f"{asked.route.name} must say what it wants with a Wish")
    one = Asked(
        context=accepted.context,
        command=wish.command,
        prepare=wish.prepare,
        slot=accepted.slot,
        respond=lambda decided: _rendered(asked.route, wish.answer(decided)),
        charge=accepted.charge,
    )
    with accepted.charge:
        answered = asked.storage.hot.answer(one, wish.decider, wish.entity_id)
    return _response(answered.response, replayed=answered.replayed)


def _by_itself(asked: _Asked, accepted: _Accepted) -> Response:
    slot, digest = accepted.slot, accepted.context.digest
    if asked.route.audit_ahead and asked.door.audits(asked.claims):
        deed = asked.door.deed(asked.claims, asked.request, accepted.call, ahead=True)
        asked.door.note(asked.claims, deed, once=str(accepted.context.command_id))
    begun = asked.storage.begin(accepted.context, accepted.charge, for_all=asked.route.for_all)
    with begun as work:
        known = idempotency.find(work.db, slot, digest) if slot else None
        answer = _handled(asked, work, accepted.call) if known is None else known
        if known is None and slot is not None:
            idempotency.remember(work.db, slot, digest, answer, asked.storage.clock.now())
    if known is not None and asked.door.audits(asked.claims):
        # By itself, as of what is only read: the command's own entry is in the log already.
        deed = asked.door.deed(asked.claims, asked.request, accepted.call, repeated=True)
        asked.door.note(asked.claims, deed)
    return _response(answer, replayed=known is not None)


def _handled(asked: _Asked, work: UnitOfWork, call: Call[Any]) -> StoredResponse:
    reply = asked.handler(work, call)
    if not isinstance(reply, Reply):
        raise TypeError(f"{asked.route.name} must answer with a Reply, which can be remembered")
    if asked.door.audits(asked.claims) and not asked.route.audit_ahead:
        audit.add(work, asked.door.deed(asked.claims, asked.request, call))
    return _rendered(asked.route, reply)


def _persistently(attempt: Callable[[], T], limits: Limits) -> T:
    retrying = Retrying(
        retry=retry_if_exception(
            lambda error: isinstance(error, Conflict) and not isinstance(error, Stale)
        ),
        stop=stop_after_attempt(limits.attempts),
        wait=wait_random_exponential(multiplier=0.02, max=0.5),
        reraise=True,
    )
    return retrying(attempt)


def _accept(asked: _Asked) -> _Accepted:
    route, request, tenant = asked.route, asked.request, asked.claims.tenant
    key = _key(asked)
    version = incoming.if_match(route, request)
    document = incoming.document_of(route, request)
    call = _call(asked, body=incoming.body_object(route, document), if_match=version)
    said = [request.method, request.full_path, document.value]
    if route.audit is not None:
        # An answer that is kept would show somebody else what they never asked for by themselves.
        said.append(asked.claims.subject)
    command_id = derived_id(tenant, route.name, key or incoming.request_key())
    context = Context(
        tenant=tenant,
        actor=asked.claims.actor,
        command_id=command_id,
        digest=digest_of(asked.storage.secret, incoming.canonical(said).encode()),
        correlation_id=incoming.correlation_id(request) or command_id,
        causation_id=command_id,
        traceparent=current_traceparent(),
        now=_moment(call, asked.storage),
    )
    slot = Slot(secret=asked.storage.secret, tenant=tenant, route=route.name, key=key or "")
    charge = asked.storage.quotas.charge(tenant) if route.is_charged else FREE
    return _Accepted(call=call, slot=slot if key else None, context=context, charge=charge)


def _call(asked: _Asked, *, body: Any, if_match: int | None = None) -> Call[Any]:
    tenant, route = asked.claims.tenant, asked.route
    return Call(
        claims=asked.claims,
        body=body,
        cursors=Cursors(secret=asked.storage.secret, tenant=tenant, route=route.name),
        path=asked.path,
        query=incoming.query_object(route, asked.request.args),
        if_match=if_match,
        headers=dict(asked.request.headers),
        keys=asked.storage.keys,
        secret=asked.storage.secret,
        clock=asked.storage.clock,
        plan=asked.storage.quotas.plan,
    )


def _key(asked: _Asked) -> str | None:
    """Return the idempotency key; a form's is in its token, which is checked first."""
    if asked.route.page is None:
        return incoming.idempotency_key(asked.route, asked.request)
    storage = asked.storage
    return forms.key_of(asked.request, storage.secret, asked.claims.tenant, now=storage.clock.now())


def _moment(call: Call[Any], storage: Storage) -> datetime:
    """Return when the command happens: now, or for an import, when it happened."""
    occurred_at = getattr(call.body, "occurred_at", None)
    if isinstance(occurred_at, datetime):
        call.claims.require(IMPORT_SCOPE)
        return occurred_at
    return storage.clock.now()


def _rendered(route: Route, reply: Reply) -> StoredResponse:
    body = "" if reply.body is None else json.dumps(_plain(reply.body), ensure_ascii=False)
    status = reply.status or route.status
    headers = dict(reply.headers)
    if reply.version is not None:
        headers["ETag"] = f'"{reply.version}"'
    if not body and status == 200:  # noqa: PLR2004 -- an OK without content says so
        status = _NO_CONTENT
    return StoredResponse(status=status, headers=tuple(headers.items()), body=body)


def _plain(body: Any) -> Any:
    if isinstance(body, list | tuple):
        return [_plain(item) for item in body]
    return schemas.dump(body) if is_dataclass(body) else body


def _response(stored: StoredResponse, *, replayed: bool = False) -> Response:
    response = Response(
        stored.body,
        status=stored.status,
        headers=[("Cache-Control", "no-store"), *stored.headers],
        content_type="application/json" if stored.body else None,
    )
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
