"""A payment provider to try commerce with: real HTTP, real signatures, every kind of trouble.

``python -m commerce.provider_simulator`` serves it; ``provider_scenarios`` says how it answers.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from environs import FileAwareEnv
from werkzeug import Request, Response

from chassis import schemas
from chassis.clock import Clock, clock_from
from commerce.messages import ProviderCallback
from commerce.partner_simulator import (
    PartnerSimulator,
    Saying,
    Send,
    file_named,
    key_of,
    operation,
    serve,
    wanted,
)
from commerce.provider_pages import Choice, HostedPages
from commerce.provider_scenarios import UNAVAILABLE, Demand, Kind, News, news_of
from commerce.settings import callback_secret, deployment_secret

_PATH = re.compile(r"/payments/([0-9a-f-]{36})/(authorise|capture|void|refund)", re.ASCII)
_ECHOED = ("traceparent", "X-Correlation-Id")
_WHY: Mapping[Kind, str] = {
    "declined": "card_declined",
    "capture_failed": "card_declined",
    "refund_failed": "account_closed",
}


class ProviderSimulator(PartnerSimulator):
    """The provider's side of every payment: what it was asked, what it has still to say.

    Args:
        secret: The deployment's secret; merchants' callback keys derive from it.
        clock: Tells when a payment has expired.
        send: Delivers a callback and returns the status that it was answered with.
        journal: Keeps what happened, so that a restart forgets nothing.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        clock: Clock,
        send: Send | None = None,
        journal: Path | None = None,
    ) -> None:
        super().__init__(clock=clock, send=send, journal=journal)
        self._secret = secret
        self._methods: dict[UUID, str] = {}
        self._asked: Counter[tuple[UUID, str]] = Counter()
        self._pages = HostedPages(secret, self._choose)
        self.recall()

    def answer(self, request: Request) -> Response:
        """Take what a merchant asks, or lead a buyer through the payment page."""
        if request.path.startswith("/pay/"):
            return self._pages.answer(request)
        asked, demand = operation(request, _PATH), wanted(request, Demand)
        if asked[2] != "authorise" and UUID(asked[1]) not in self._methods:
            return Response("no such payment", status=404)
        fresh = self.take(
            {
                "payment_id": str(UUID(asked[1])),
                "operation": asked[2],
                "demand": schemas.dump(demand),
                "key": key_of(request),
                "echoed": _echoed(request),
            }
        )
        away = fresh and self._methods[UUID(asked[1])] == UNAVAILABLE
        return Response(status=503 if away else 202)

    def heard(self, entry: Mapping[str, Any]) -> Sequence[Saying] | None:
        """Return what is to be told of a request, or of what a buyer decided."""
        if "chosen" in entry:
            decided = self._pages.decide(entry["session"], entry["chosen"])
            return None if decided is None else [self._saying(*decided)]
        payment_id, demand = UUID(entry["payment_id"]), schemas.load(Demand, entry["demand"])
        method = self._methods.setdefault(payment_id, demand.method)
        if entry["operation"] == "authorise":
            self._pages.open(payment_id, demand, key=entry["key"], echoed=entry["echoed"])
        if entry["operation"] == "void":
            self.silence(payment_id)
        earlier = self._earlier(payment_id, entry["operation"])
        new = news_of(
            entry["operation"],
            demand,
            payment_id=payment_id,
            method=method,
            key=entry["key"],
            earlier=earlier,
        )
        return [self._saying(news, entry["echoed"]) for news in new]

    def _earlier(self, payment_id: UUID, operation: str) -> int:
        """Count a request; return how many like it there were."""
        self._asked[payment_id, operation] += 1
        return self._asked[payment_id, operation] - 1

    def _choose(self, session: str, kind: Choice) -> None:
        """Take what a buyer decided on the payment page; a second decision changes nothing."""
        self.take({"session": session, "chosen": kind})

    def _saying(self, news: News, echoed: Mapping[str, str]) -> Saying:
        return Saying(
            callback_id=news.callback_id,
            about=news.payment_id,
            url=news.demand.callback_url,
            key=callback_secret(self._secret, news.demand.merchant),
            write=partial(_callback, news),
            due=news.due_at.timestamp() if news.due_at else 0.0,
            times=news.times,
            headers=echoed,
        )


def main() -> None:
    """Serve until a signal comes."""
    simulator = ProviderSimulator(
        secret=deployment_secret(),
        clock=clock_from(file_named("CLOCK_FILE")),
        journal=file_named("PAYMENT_PROVIDER_JOURNAL"),
    )
    env = FileAwareEnv(strip_whitespace=True)
    serve(simulator, port=env.int("PAYMENT_PROVIDER_PORT", 8090))


def _echoed(request: Request) -> Mapping[str, str]:
    return {name: request.headers[name] for name in _ECHOED if name in request.headers}


def _callback(news: News, sent_at: datetime) -> ProviderCallback:
    return ProviderCallback(
        callback_id=news.callback_id,
        payment_id=news.payment_id,
        kind=news.kind,
        amount=news.demand.amount,
        reason=_WHY.get(news.kind),
        refund_id=news.demand.refund_id,
        sent_at=sent_at,
    )


if __name__ == "__main__":
    main()
