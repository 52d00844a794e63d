"""Ask the payment provider, outside any transaction and at least once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from chassis import schemas
from chassis.blueprint import Calls
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.storage import Storage
from chassis.telemetry import current_traceparent, span
from chassis.telemetry.outbound import Peer, measured
from commerce import settings
from commerce.order import ORDER
from commerce.order_events import OrderPlaced
from commerce.payment_events import PaymentInitiated, RefundRequested

TIMEOUT_SECONDS = 10.0
PAID_ELSEWHERE = frozenset({"marketplace", "store"})  # our provider has none of that money
_TOO_MANY, _SERVER_ERROR, _REFUSED = 429, 500, 400


class ProviderRefused(Exception):
    """Somebody outside will not take a request that they should; a person has to look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the provider is asked.

    Args:
        key: The same key again is the same request.
        path: Which of the provider's operations.
        body: What it needs to know.
        correlation_id: Comes back with the answer.
    """

    key: UUID
    path: str
    body: Mapping[str, Any]
    correlation_id: UUID


class PaymentProvider:
    """The provider's HTTP interface.

    Args:
        client: Reaches the provider; its base address is the provider's.
        callbacks: Our own address as the provider sees it.
    """

    def __init__(self, client: httpx.Client, *, callbacks: str) -> None:
        self._client = client
        self._callbacks = callbacks

    def ask(self, tenant: str, asked: Asked) -> None:
        """Make one request; its outcome comes later, as a callback.

        Raises:
            Unavailable: the provider does not answer now.
            ProviderRefused: it does not take this request.
        """
        body = {
            **asked.body,
            "merchant": tenant,
            "callback_url": f"{self._callbacks}/v1/tenants/{tenant}/payments/callbacks",
        }
        ask(self._client, asked, body, who="payment provider", peer="payments")


def ask(
    client: httpx.Client, asked: Asked, body: Mapping[str, Any], *, who: str, peer: Peer
) -> None:
    """Make one request of somebody outside.

    Raises:
        Unavailable: they do not answer now.
        ProviderRefused: they do not take this request.
    """
    try:
        answer = measured(peer, lambda: client.post(asked.path, json=body, headers=_headers(asked)))
    except httpx.TransportError as error:
        raise Unavailable(f"the {who} does not answer") from error
    if answer.status_code == _TOO_MANY or answer.status_code >= _SERVER_ERROR:
        raise Unavailable(f"the {who} answers {answer.status_code}")
    if answer.status_code >= _REFUSED:
        raise ProviderRefused(f"{asked.path} is answered with {answer.status_code}")


def calls_to(storage: Storage, provider: PaymentProvider) -> Calls:
    """Return what is asked of the provider, by the event that asks for it."""

    def asking(operation: str, more: Callable[[OrderPlaced, Any], Mapping[str, Any]]) -> Any:
        def call(recorded: Recorded) -> None:
            event = storage.registry.decode(recorded, storage.keys)
            placed = placed_order(storage, recorded.tenant, event.order_id)
            if placed.origin.mode in PAID_ELSEWHERE:
                return
            asked = Asked(
                key=recorded.id,
                path=f"/payments/{event.payment_id}/{operation}",
                body={"amount": schemas.dump(event.amount), **more(placed, event)},
                correlation_id=recorded.correlation_id,
            )
            with span(f"ask provider to {operation}", kind="client", parent=recorded.traceparent):
                provider.ask(recorded.tenant, asked)

        return call

    return {
        "payment_initiated": asking("authorise", _method),
        "payment_capture_requested": asking("capture", _nothing_more),
        "payment_void_requested": asking("void", _nothing_more),
        "refund_requested": asking("refund", _refund),
    }


def payment_gateway(storage: Storage) -> Calls:
    """Return the calls to the provider that the settings name.

    Raises:
        SettingsInvalid: they name none.
    """
    known = settings.provider()
    client = httpx.Client(base_url=known.url, timeout=TIMEOUT_SECONDS)
    return calls_to(storage, PaymentProvider(client, callbacks=known.callbacks))


def placed_order(storage: Storage, tenant: str, order_id: UUID) -> OrderPlaced:
    """Return how an order began."""
    with storage.read(tenant) as db:
        history = storage.log(db).stream(tenant, ORDER.stream(order_id))
        placed: OrderPlaced = storage.registry.decode(history[0], storage.keys)
    return placed


def _method(placed: OrderPlaced, event: PaymentInitiated) -> Mapping[str, Any]:
    """Name the means of payment; none after the buyer was forgotten."""
    return {"method": placed.payment_method or "", "expires_at": event.due_at.isoformat()}


def _nothing_more(_placed: OrderPlaced, _event: Any) -> Mapping[str, Any]:
    return {}


def _refund(_placed: OrderPlaced, event: RefundRequested) -> Mapping[str, Any]:
    return {"refund_id": str(event.refund_id)}


def _headers(asked: Asked) -> dict[str, str]:
    headers = {"Idempotency-Key": str(asked.key), "X-Correlation-Id": str(asked.correlation_id)}
    trace = current_traceparent()
    return {**headers, "traceparent": trace} if trace else headers
