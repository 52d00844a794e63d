"""Feed journeys and mentions into the services through their HTTP contracts, in their own time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sixfold.client import Client, Clients, Refused
from sixfold.journeys import (
    PAYMENT_ERROR,
    PURCHASE,
    SUPPORT_CHAT,
    Row,
    Visit,
    basket,
    draw,
)
from sixfold.shop import BRAND, GOODS, LOCATION

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
    repeated: int = 0
    unmatched: int = 0
    refused: list[str] = field(default_factory=list)
    open_chats: list[Chat] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who a shop user is to the services; ``subject`` is the person once they are known."""

    account_id: str
    subject: str


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield runs of at most ``size`` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def feed_people(identity: Client, visits: Sequence[Visit], fed: Fed) -> dict[str, Person]:
    """Make every user of the shop known; those who came by social media follow the brand."""
    first: dict[str, Visit] = {}
    for visit in visits:
        first.setdefault(visit.user, visit)
    people: dict[str, Person] = {}
    for chunk in chunks(list(first.values())):
        rows = [_person_row(visit) for visit in chunk]
        answer = identity.post("/v1/imports/people", {"rows": rows})
        for visit, result in zip(chunk, answer["rows"], strict=True):
            account, person = result["account_id"], result["person_id"]
            people[visit.user] = Person(account_id=account, subject=person or account)
    fed.people += len(people)
    return people


def feed_visits(
    campaigns: Client, visits: Sequence[Visit], people: Mapping[str, Person], fed: Fed
) -> None:
    """Import sessions and the touches that they began with, in bulk."""
    for chunk in chunks(list(visits)):
        sessions = [_session(visit, people[visit.user].subject) for visit in chunk]
        touches = [_touch(visit, people[visit.user].subject) for visit in chunk]
        done = campaigns.post("/v1/imports/sessions", {"rows": sessions})
        campaigns.post("/v1/imports/touches", {"rows": touches})
        fed.visits += done["recorded"]
        fed.repeated += done["known"]


def feed_rows(
    clients: Clients, visits: Iterable[Visit], people: Mapping[str, Person], fed: Fed
) -> None:
    """Place the orders and open the chats of some visits, each at its own moment."""
    for visit in visits:
        person = people[visit.user]
        for row in visit.rows:
            if row.event in {PURCHASE, PAYMENT_ERROR}:
                _order(clients["commerce"], visit, row, person, fed)
            elif row.event == SUPPORT_CHAT:
                _chat(clients["listening"], visit, row, fed)


def _order(commerce: Client, visit: Visit, row: Row, person: Person, fed: Fed) -> None:
    bought = basket(visit, row, GOODS)
    body = {
        "person_id": person.subject,
        "origin": {
            "platform": visit.channel,
            "property": "lantern-shop",
            "content": None,
            "touch": None,
            "mode": "web",
        },
        "lines": [{"sku": sku, "qty": qty} for sku, qty in sorted(bought.items())],
        "location": LOCATION,
        "payment_method": OK if row.event == PURCHASE else DECLINED,
        "occurred_at": row.at.isoformat(),
    }
    key = f"{visit.session}-{row.event}-{row.at.isoformat()}-{row.line}"
    _try(commerce, "/v1/orders", body, key=key, fed=fed, where=f"line {row.line}")
    fed.orders += 1


def _chat(listening: Client, visit: Visit, row: Row, fed: Fed) -> None:
    # The file says that somebody wrote, not what: the words are ours, drawn from a few.
    number = draw(visit.session, row.line)
    body = {
        "platform": PLATFORM,
        "post_id": f"chat-{visit.session}-{row.line}",
        "author_id": visit.user,
        "author_name": visit.user,
        "kind": "dm",
        "brand": BRAND,
        "text": CHATS[number % len(CHATS)],
        "posted_at": row.at.isoformat(),
        "occurred_at": (row.at + timedelta(seconds=number % 40)).isoformat(),
    }
    taken = _try(
        listening, "/v1/mentions", body, key=str(body["post_id"]), fed=fed, where=f"line {row.line}"
    )
    fed.chats += 1
    for conversation in (taken or {}).get("conversations", ()):
        fed.open_chats.append(Chat(case_id=conversation["case_id"], at=row.at, number=number))


def _try(client: Client, path: str, body: Any, *, key: str, fed: Fed, where: str) -> Any:
    try:
        return client.post(path, body, key=key)
    except Refused as refusal:
        fed.refused.append(f"{where}: {refusal}")
        return None


def _person_row(visit: Visit) -> dict[str, Any]:
    return {
        "platform": PLATFORM,
        "platform_user_id": visit.user,
        "name": visit.user,
        "follows": visit.channel == SOCIAL,
        "topic": visit.channel,
        "at": visit.started_at.isoformat(),
        "property_id": "lantern-shop",
    }


def _session(visit: Visit, subject: str) -> dict[str, Any]:
    return {
        "key": visit.session,
        "subject": subject,
        "source": visit.channel,
        "device": visit.device,
        "started_at": visit.started_at.isoformat(),
        "ended_at": visit.ended_at.isoformat(),
        "steps": visit.steps,
    }


def _touch(visit: Visit, subject: str) -> dict[str, Any]:
    return {
        "key": visit.session,
        "subject": subject,
        "channel": visit.channel,
        "kind": "visit",
        "direct": visit.channel == "direct",
        "at": visit.started_at.isoformat(),
    }
