"""A marketplace to try commerce with: its messages come late, doubled and out of order.

It signs every attempt anew and repeats what is not confirmed, as message services do.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from chassis.clock import Clock, SystemClock
from commerce.partner_simulator import Send, deliver
from commerce.settings import marketplace_secret

DOUBLED, HELD_BACK = 0.3, 0.4
_THERE = ZoneInfo("Asia/Shanghai")
_UNUSABLE = 400
_CONFIRMED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Bought:
    """A sub-order, with decimals as text, as the marketplace writes them."""

    outer_id: str
    num: int
    payment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """A trade as the marketplace keeps it."""

    tid: str
    lines: Sequence[Bought]
    payment: str
    buyer: str = "buyer-1"


class MarketplaceSimulator:
    """The marketplace's side: what it has to say, and how badly it says it.

    Args:
        secret: The deployment's secret, from which the tenant's key derives.
        clock: The time of the business.
        send: Delivers a message and returns the status that it was answered with.
        chance: Decides what is late, doubled or out of order; None for a well-behaved one.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        clock: Clock,
        send: Send,
        tenant: str = "acme",
        marketplace: str = "taobao",
        chance: Random | None = None,
    ) -> None:
        self._key = marketplace_secret(secret, tenant)
        self._clock = clock
        self._wall = SystemClock()
        self._send = send
        self._path = f"/v1/tenants/{tenant}/marketplaces/{marketplace}/messages"
        self._chance = chance
        self._said = 0
        self._signed: set[tuple[str, int]] = set()
        self.untold: list[Mapping[str, Any]] = []
        self.unusable: list[Mapping[str, Any]] = []

    def created(self, trade: Trade) -> None:
        """Say that somebody ordered."""
        self._say("taobao_trade_TradeCreate", trade)

    def repriced(self, trade: Trade) -> None:
        """Say that the seller changed what an unpaid trade costs."""
        self._say("taobao_trade_TradeModifyFee", trade)

    def paid(self, trade: Trade) -> None:
        """Say that the buyer paid the marketplace."""
        self._say("taobao_trade_TradeBuyerPay", trade)

    def shipped(self, trade: Trade) -> None:
        """Say that the shop sent the parcel."""
        self._say("taobao_trade_TradeSellerShip", trade, company_name="SF", out_sid="SF100")

    def arrived(self, trade: Trade) -> None:
        """Say that the buyer confirmed to have it."""
        self._say("taobao_trade_TradeSuccess", trade)

    def closed(self, trade: Trade) -> None:
        """Say that there is no sale."""
        self._say("taobao_trade_TradeClose", trade)

    def refund_asked(self, trade: Trade, refund_id: str, fee: str) -> None:
        """Say that the buyer wants money back."""
        self._say("taobao_refund_RefundCreated", trade, refund_id=refund_id, refund_fee=fee)

    def refunded(self, trade: Trade, refund_id: str, fee: str) -> None:
        """Say that money went back to the buyer."""
        self._say("taobao_refund_RefundSuccess", trade, refund_id=refund_id, refund_fee=fee)

    def step(self) -> int:
        """Make one round of attempts; returns how many messages were confirmed."""
        before, due = len(self.untold), list(self.untold)
        if self._chance is not None:
            self._chance.shuffle(due)
            due = [one for one in due if self._chance.random() > HELD_BACK]
        for message in due:
            self._attempt(message)
        return before - len(self.untold)

    def _say(self, topic: str, trade: Trade, **more: str) -> None:
        self._said += 1
        now = self._clock.now().astimezone(_THERE).strftime("%Y-%m-%d %H:%M:%S")
        content = {
            "tid": int(trade.tid),
            "payment": trade.payment,
            "created": now,
            "buyer_nick": trade.buyer,
            "orders": {"order": [_sub_order(line) for line in trade.lines]},
            **more,
        }
        self.untold.append(
            {
                "id": str(self._said),
                "topic": topic,
                "user_nick": "our-shop",
                "pub_time": now,
                "content": json.dumps(content, ensure_ascii=False),
            }
        )

    def _attempt(self, message: Mapping[str, Any]) -> None:
        doubled = self._chance is not None and self._chance.random() < DOUBLED
        statuses = [self._deliver(message) for _ in range(2 if doubled else 1)]
        if statuses[-1] == _CONFIRMED:
            self.untold.remove(message)
        elif statuses[-1] == _UNUSABLE:
            self.untold.remove(message)
            self.unusable.append(message)

    def _deliver(self, message: Mapping[str, Any]) -> int:
        at = self._unused_second(message["id"])
        return deliver(self._send, self._path, message, key=self._key, at=at)

    def _unused_second(self, message_id: str) -> datetime:
        """Return a moment that differs: attempts signed alike are taken for one request."""
        at = self._wall.now().replace(microsecond=0)
        while (message_id, int(at.timestamp())) in self._signed:
            at -= timedelta(seconds=1)
        self._signed.add((message_id, int(at.timestamp())))
        return at


def _sub_order(line: Bought) -> Mapping[str, Any]:
    return {"outer_sku_id": line.outer_id, "num": line.num, "payment": line.payment}
