"""Ten thousand buyers: some click twice, some ask again, some never pay, some pay too late."""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from bench.hot_drop.http import OPEN_AT_ONCE, Answer, Browser, Seen
from chassis.ids import derived_id

ORIGIN = {"platform": "weibo", "property": "page-1", "content": "c1", "touch": "t1", "mode": "page"}
IMPATIENT, DOUBLE, AGAIN_BY_OTHER_KEY, ABANDONS = 0.1, 0.05, 0.02, 0.1
METHODS = {
    "tok_ok": 0.7, "tok_repeat": 0.08, "tok_reordered": 0.07, "tok_late": 0.04,
    "tok_late_captured": 0.04, "tok_declined": 0.04, "tok_capture_fails": 0.03,
}  # fmt: skip


@dataclass(slots=True)
class Buyer:
    """One person, what he is like and what he got.

    Args:
        impatient: Sends every request twice at once, as a double click does.
        asks_again: Sends it once more when it was answered, as a lost answer makes one do.
        greedy: Tries for a second place under another key.
        abandons: Never pays what he is granted.
    """

    number: int
    browser: Browser
    second: Browser
    method: str
    impatient: bool
    asks_again: bool
    greedy: bool
    abandons: bool
    entry_id: UUID | None = None
    place: int | None = None
    order_id: str | None = None
    trouble: str | None = None


class Crowd:
    """All buyers of one drop.

    Args:
        port: Where the shop answers.
        token: Theirs.
        sku: What they want.
        drop_id: Which drop it is sold in.
        size: How many they are.
        seed: Of who is like what.
    """

    def __init__(
        self, port: int, token: str, *, sku: str, drop_id: str, size: int, seed: int
    ) -> None:
        self.seen = Seen()
        self.differing: list[str] = []
        self._sku = sku
        self._path = f"/v1/drops/{drop_id}/entries"
        doors, headers = asyncio.Semaphore(OPEN_AT_ONCE), f"Authorization: Bearer {token}\r\n"
        chance = random.Random(seed)  # noqa: S311  # a crowd that can come again
        tokens, weights = list(METHODS), list(METHODS.values())
        self.buyers = [
            Buyer(
                number=number,
                browser=Browser(port, headers, self.seen, doors),
                second=Browser(port, headers, self.seen, doors),
                method=chance.choices(tokens, weights)[0],
                impatient=chance.random() < DOUBLE,
                asks_again=chance.random() < IMPATIENT,
                greedy=chance.random() < AGAIN_BY_OTHER_KEY,
                abandons=chance.random() < ABANDONS,
            )
            for number in range(size)
        ]

    async def gather(self) -> None:
        """Let everybody stand in front of the door."""
        await asyncio.gather(*(buyer.browser.open() for buyer in self.buyers))

    async def rush(self) -> float:
        """Let everybody ask for a place at once; return how long it took."""
        began = time.perf_counter()
        await asyncio.gather(*(self._enter(buyer) for buyer in self.buyers))
        return time.perf_counter() - began

    async def buy(self, granted: Iterable[Buyer]) -> None:
        """Let those whose turn it is order, except for those who never do."""
        await asyncio.gather(*(self._order(one) for one in granted if not one.abandons))

    async def whose_turn(self, waiting: Sequence[Buyer]) -> list[Buyer]:
        """Return those of some who wait whose turn has come."""
        statuses = await asyncio.gather(*(self._status(buyer) for buyer in waiting))
        return [one for one, at in zip(waiting, statuses, strict=True) if at == "granted"]

    def leave(self) -> None:
        """Hang up everywhere."""
        for buyer in self.buyers:
            buyer.browser.close()
            buyer.second.close()

    async def _enter(self, buyer: Buyer) -> None:
        body = {"person_id": f"person-{buyer.number}", "qty": 1, "origin": ORIGIN}
        key = f"entry-{buyer.number}"
        answer = await self._post(buyer, "enter", self._path, body, key)
        if answer.status == 201:  # noqa: PLR2004  # created
            buyer.entry_id = UUID(answer.body["entry_id"])
            buyer.place = answer.body.get("place_in_line") or 0
        else:
            buyer.trouble = f"{answer.status} {(answer.body or {}).get('code')}"
        if buyer.greedy:
            await buyer.second.ask("enter as well", "POST", self._path, body, f"{key}-2")

    async def _order(self, buyer: Buyer) -> None:
        body = {
            "person_id": f"person-{buyer.number}",
            "origin": ORIGIN,
            "lines": [{"sku": self._sku, "qty": 1}],
            "payment_method": buyer.method,
            "drop_entry": str(buyer.entry_id),
        }
        key = str(derived_id("order of", buyer.number))
        answer = await self._post(buyer, "order", "/v1/orders", body, key)
        if answer.status == 201:  # noqa: PLR2004  # created
            buyer.order_id = answer.body["order_id"]
        else:
            buyer.trouble = f"{answer.status} {(answer.body or {}).get('code')}"

    async def _status(self, buyer: Buyer) -> str:
        answer = await buyer.browser.ask("look", "GET", f"{self._path}/{buyer.entry_id}")
        return str((answer.body or {}).get("status"))

    async def _post(
        self, buyer: Buyer, what: str, path: str, body: Mapping[str, object], key: str
    ) -> Answer:
        """Post once, or twice in one moment, or once more; both answers must be the same."""
        if buyer.impatient:
            answer, other = await asyncio.gather(
                buyer.browser.ask(what, "POST", path, body, key),
                buyer.second.ask(f"{what}, double", "POST", path, body, key),
            )
            self._same(what, answer, other)
        else:
            answer = await buyer.browser.ask(what, "POST", path, body, key)
        if buyer.asks_again:
            again = await buyer.browser.ask(f"{what}, again", "POST", path, body, key)
            self._same(what, answer, again)
        return answer

    def _same(self, what: str, one: Answer, other: Answer) -> None:
        # A refusal is not kept: asked again, the world may have moved on.
        if one.status < 300 and (one.status, one.body) != (other.status, other.body):  # noqa: PLR2004
            self.differing.append(f"{what}: {one} {other}")
