"""Feed journeys and mentions into the services through their HTTP contracts, in their own time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sixfold.client import Client, Clients, Once, Refused, at_once, fresh_key
from sixfold.journeys import (
    PAYMENT_ERROR,
    PURCHASE,
    SUPPORT_CHAT,
    Row,
    Visit,
    basket,
    draw,
)
from sixfold.storefront import Storefront

T = TypeVar("T")
PLATFORM = "webshop"
SOCIAL = "social"
CHUNK = 500
DECLINED, OK = "tok_declined", "tok_ok"
CHATS = (
    "My order has not arrived yet. Where is it?",
    "請問燈籠禮盒幾時有貨?",
    "付款失败了, 请帮我看一下",
    "Can I change the delivery address of my order?",
    "點樣退貨呀? 個蓋碗崩咗",
    "普洱茶饼怎么保存?",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """A support chat that waits for an answer; ``number`` decides how long it waits."""

    case_id: str
    at: datetime
    number: int


@dataclass(slots=True)
class Fed:
    """What was given to the services."""

    people: int = 0
    visits: int = 0
    orders: int = 0
    chats: int = 0
    mentions: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)
    open_chats: list[Chat] = field(default_factory=list)

    def add(self, other: "Fed") -> None:
        """Count what somebody else fed too."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who a shop user is to the services; ``subject`` is the person once they are known."""

    account_id: str
    subject: str


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield runs of at most ``size`` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def feed_people(
    identity: Client, shop: Storefront, visits: Sequence[Visit], fed: Fed
) -> dict[str, Person]:
    """Make every user of the shop known; those who came by social media follow the brand."""
    first: dict[str, Visit] = {}
    for visit in visits:
        first.setdefault(visit.user, visit)
    people: dict[str, Person] = {}
    for chunk in chunks(list(first.values())):
        rows = [_person_row(visit, shop) for visit in chunk]
        answer = identity.post("/v1/imports/people", {"rows": rows}, key=fresh_key())
        for visit, result in zip(chunk, answer["rows"], strict=True):
            account, person = result["account_id"], result["person_id"]
            if result["outcome"] == "refused":  # and with it everything that this user did
                reason = result["problems"] or result["code"]
                fed.refused.append(f"line {visit.rows[0].line}: {reason}")
                continue
            people[visit.user] = Person(account_id=account, subject=person or account)
    fed.people += len(people)
    return people


def feed_visits(
    campaigns: Client, visits: Sequence[Visit], people: Mapping[str, Person], fed: Fed
) -> list[Visit]:
    """Import sessions and the touches that they began with, in bulk; return the visits kept.

    A visit is refused as a whole, by the line of its first row: nothing more of it is fed.
    """
    kept: list[Visit] = []
    for chunk in chunks([visit for visit in visits if visit.user in people]):
        sessions = [_session(visit, people[visit.user].subject) for visit in chunk]
        done = campaigns.post("/v1/imports/sessions", {"rows": sessions}, key=fresh_key())
        fed.visits += done["recorded"]
        fed.known += done["known"]
        kept += _feed_touches(campaigns, _kept(chunk, done, fed), people, fed)
    return kept


def _feed_touches(
    campaigns: Client, visits: Sequence[Visit], people: Mapping[str, Person], fed: Fed
) -> list[Visit]:
    if not visits:  # an import of no rows is refused
        return []
    touches = [_touch(visit, people[visit.user].subject) for visit in visits]
    done = campaigns.post("/v1/imports/touches", {"rows": touches}, key=fresh_key())
    return _kept(visits, done, fed)


def _kept(visits: Sequence[Visit], done: Mapping[str, Any], fed: Fed) -> list[Visit]:
    problems = {refused["row"]: refused["problems"] for refused in done["refused"]}
    for row, problem in problems.items():
        fed.refused.append(f"line {visits[row - 1].rows[0].line}: {problem}")
    return [visit for row, visit in enumerate(visits, start=1) if row not in problems]


def feed_rows(
    clients: Clients,
    shop: Storefront,
    visits: Iterable[Visit],
    people: Mapping[str, Person],
    fed: Fed,
) -> None:
    """Place the orders and open the chats of some visits, each at its own moment.

    Different people act at the same time; what one person does stays in order.
    """
    by_user: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        by_user[visit.user].append(visit)
    for one in at_once(lambda its: _feed_user(clients, shop, its, people), by_user.values()):
        fed.add(one)


def _feed_user(
    clients: Clients, shop: Storefront, visits: Iterable[Visit], people: Mapping[str, Person]
) -> Fed:
    fed = Fed()
    for visit in visits:
        person = people[visit.user]
        for row in visit.rows:
            if row.event in {PURCHASE, PAYMENT_ERROR}:
                _order(clients["commerce"], shop, visit, row, person, fed=fed)
            elif row.event == SUPPORT_CHAT:
                _chat(clients["listening"], shop, visit, row, fed)
    return fed


def _order(
    commerce: Client, shop: Storefront, visit: Visit, row: Row, person: Person, *, fed: Fed
) -> None:
    if not shop.goods:
        fed.refused.append(f"line {row.line}: the tenant offers no product; list some first")
        return
    body = _order_body(shop, visit, row, person)
    # Without the line: the same row is the same order in another file too.
    key = f"{visit.key}-{row.event}-{row.at.isoformat()}"
    placed = _try(commerce, "/v1/orders", body, key=key, fed=fed, line=row.line)
    fed.orders += placed is not None and not placed.known


def _order_body(shop: Storefront, visit: Visit, row: Row, person: Person) -> dict[str, Any]:
    bought = basket(visit, row, shop.goods)
    return {
        "person_id": person.subject,
        "origin": {
            "platform": visit.channel,
            "property": shop.property_id,
            "content": None,
            "touch": None,
            "mode": "web",
        },
        "lines": [{"sku": sku, "qty": qty} for sku, qty in sorted(bought.items())],
        "location": shop.location,
        "payment_method": OK if row.event == PURCHASE else DECLINED,
        "occurred_at": row.at.isoformat(),
    }


def _chat(listening: Client, shop: Storefront, visit: Visit, row: Row, fed: Fed) -> None:
    # The file says that somebody wrote, not what: the words are ours, drawn from a few.
    number = draw(visit.session, row.at.isoformat())
    body = {
        "platform": PLATFORM,
        "post_id": f"chat-{visit.key}-{row.at:%Y%m%dT%H%M%S}",
        "author_id": visit.user,
        "author_name": visit.user,
        "kind": "dm",
        "brand": shop.brand,
        "text": CHATS[number % len(CHATS)],
        "posted_at": row.at.isoformat(),
        "occurred_at": (row.at + timedelta(seconds=number % 40)).isoformat(),
    }
    key = str(body["post_id"])
    taken = _try(listening, "/v1/mentions", body, key=key, fed=fed, line=row.line)
    if taken is None or taken.known:
        return
    fed.chats += taken.answer["recorded"]
    fed.open_chats += [
        Chat(case_id=conversation["case_id"], at=row.at, number=number)
        for conversation in taken.answer["conversations"]
    ]


def _try(client: Client, path: str, body: Any, *, key: str, fed: Fed, line: int) -> Once | None:
    try:
        done = client.post_once(path, body, key=key)
    except Refused as refusal:
        fed.refused.append(f"line {line}: {refusal}")
        return None
    fed.known += done.known
    return done


def _person_row(visit: Visit, shop: Storefront) -> dict[str, Any]:
    return {
        "platform": PLATFORM,
        "platform_user_id": visit.user,
        "name": visit.user,
        "follows": visit.channel == SOCIAL,
        "topic": visit.channel,
        "at": visit.started_at.isoformat(),
        "property_id": shop.property_id,
    }


def _session(visit: Visit, subject: str) -> dict[str, Any]:
    return {
        "key": visit.key,
        "subject": subject,
        "source": visit.channel,
        "device": visit.device,
        "started_at": visit.started_at.isoformat(),
        "ended_at": visit.ended_at.isoformat(),
        "steps": visit.steps,
    }


def _touch(visit: Visit, subject: str) -> dict[str, Any]:
    return {
        "key": visit.key,
        "subject": subject,
        "channel": visit.channel,
        "kind": "visit",
        "direct": visit.channel == "direct",
        "at": visit.started_at.isoformat(),
    }
