"""A fulfilment partner to try commerce with: real HTTP, real signatures, every kind of trouble.

``python -m commerce.fulfilment_simulator`` serves it.  How it treats a parcel is said by a word:

=============  ====================================================================
word           what the partner does
=============  ====================================================================
``ok``         accepts, ships and delivers
``late``       ships after two hours and delivers after a day
``repeat``     does as ``ok`` and says everything three times
``reordered``  does as ``ok`` and says the last thing first
``fails``      accepts, and then finds that it cannot be sent
``lost``       ships, loses the parcel, and says that it is lost first
=============  ====================================================================
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from environs import FileAwareEnv
from werkzeug import Request, Response

from chassis import schemas
from chassis.clock import Clock, clock_from
from chassis.ids import derived_id
from commerce.fulfilment_messages import News, ParcelOrder, PartnerCallback
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
from commerce.settings import deployment_secret, fulfilment_secret

REPEATS = 3
LATE: Mapping[str, timedelta] = {"shipped": timedelta(hours=2), "delivered": timedelta(days=1)}
SAYINGS: Mapping[str, tuple[News, ...]] = {
    "ok": ("accepted", "shipped", "delivered"),
    "late": ("accepted", "shipped", "delivered"),
    "repeat": ("accepted", "shipped", "delivered"),
    "reordered": ("delivered", "shipped", "accepted"),
    "fails": ("accepted", "failed"),
    "lost": ("failed", "shipped", "accepted"),
}
_PATH = re.compile(r"/fulfilments/([0-9a-f-]{36})/(pack|stop)", re.ASCII)


class FulfilmentSimulator(PartnerSimulator):
    """The partner's side of every parcel: what it was asked, what it has still to say.

    Args:
        secret: The deployment's secret; merchants' callback keys derive from it.
        clock: The time of the business.
        send: Delivers a callback and returns the status that it was answered with.
        behave: Says how a parcel is treated, by one of the words above.
        down: How many requests are answered with 503 first.
        journal: Keeps what happened, so that a restart forgets nothing.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        clock: Clock,
        send: Send | None = None,
        behave: Callable[[ParcelOrder], str] = lambda _: "ok",
        down: int = 0,
        journal: Path | None = None,
    ) -> None:
        super().__init__(clock=clock, send=send, journal=journal)
        self._secret = secret
        self._behave = behave
        self._down = down
        self.recall()

    def answer(self, request: Request) -> Response:
        """Take what a merchant asks, unless the partner is down."""
        asked = operation(request, _PATH)
        if self._down > 0:
            self._down -= 1
            return Response("come back later", status=503)
        order = wanted(request, ParcelOrder)
        self.take(
            {
                "order_id": asked[1],
                "verb": asked[2],
                "key": key_of(request),
                "order": schemas.dump(order),
                "word": self._behave(order),
                "at": self._clock.now().timestamp(),
            }
        )
        return Response(status=202)

    def heard(self, entry: Mapping[str, Any]) -> Sequence[Saying]:
        """Return what is to be told of a parcel; nothing any more of one that is stopped."""
        order_id = UUID(entry["order_id"])
        if entry["verb"] == "stop":
            self.silence(order_id)
            return []
        return [self._saying(order_id, kind, entry) for kind in SAYINGS[entry["word"]]]

    def _saying(self, order_id: UUID, kind: News, entry: Mapping[str, Any]) -> Saying:
        order, word = schemas.load(ParcelOrder, entry["order"]), entry["word"]
        callback_id = str(derived_id(order_id, entry["key"], kind))
        return Saying(
            callback_id=callback_id,
            about=order_id,
            url=order.callback_url,
            key=fulfilment_secret(self._secret, order.merchant),
            write=partial(_callback, callback_id, order_id, kind, word),
            due=entry["at"] + (_delay(kind) if word == "late" else 0),
            times=REPEATS if word == "repeat" else 1,
        )


def main() -> None:
    """Serve until a signal comes."""
    env = FileAwareEnv(strip_whitespace=True)
    word = env.str("FULFILMENT_PARTNER_BEHAVIOUR", "ok")
    simulator = FulfilmentSimulator(
        secret=deployment_secret(),
        clock=clock_from(file_named("CLOCK_FILE")),
        behave=lambda _: word,
        journal=file_named("FULFILMENT_PARTNER_JOURNAL"),
    )
    serve(simulator, port=env.int("FULFILMENT_PARTNER_PORT", 8091))


def _callback(
    callback_id: str, order_id: UUID, kind: News, word: str, sent_at: datetime
) -> PartnerCallback:
    lost = word == "lost"
    return PartnerCallback(
        callback_id=callback_id,
        order_id=order_id,
        kind=kind,
        carrier="post" if kind == "shipped" else None,
        no=f"P{order_id.hex[:10]}" if kind == "shipped" else None,
        reason="lost" if lost else "cannot_be_sent",
        shipped=lost and kind == "failed",
        sent_at=sent_at,
    )


def _delay(kind: str) -> float:
    return LATE.get(kind, timedelta()).total_seconds()


if __name__ == "__main__":
    main()
