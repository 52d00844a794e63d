"""What people do then: customers verify phones, colleagues answer, the warehouse ships."""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sixfold.client import Client, Clients, Refused, at_once
from sixfold.feeding import Chat, Person
from sixfold.parts import WORLD

SHIPPED_AFTER, DELIVERED_AFTER = timedelta(hours=20), timedelta(hours=68)
SMS_SECONDS = 20.0
ANSWER = "Thank you for writing. A colleague has looked into it and sent you the details."
PROGRAMME = "tea-club"
AREAS = (212, 415, 206, 303, 312, 617)
_CODE = re.compile(r"\b\d{6}\b")


class NoMessage(Exception):
    """The text message with the code did not arrive."""


def verify_phones(
    clients: Clients, users: Sequence[str], people: dict[str, Person], at: datetime
) -> int:
    """Take customers through phone, one-time code, consent and enrolment; return how many."""

    def verify(numbered: tuple[int, str]) -> str:
        number, user = numbered
        # 555-0100 to 0199 are kept for fiction: no message could ever reach anybody.
        phone = f"+1 {AREAS[number // 100]} 555 01{number % 100:02d}"
        return _verify(clients, phone, people[user].account_id, at)

    for user, person in zip(users, at_once(verify, enumerate(users)), strict=True):
        people[user] = Person(account_id=people[user].account_id, subject=person)
    return len(users)


def _verify(clients: Clients, phone: str, account_id: str, at: datetime) -> str:
    identity, moment = clients["identity"], {"occurred_at": at.isoformat()}
    claim = identity.post(
        "/v1/phones/claims",
        {"number": phone, "account_id": account_id, "programme": PROGRAMME, **moment},
    )
    phone_id, person_id = claim["phone_id"], claim["person_id"]
    identity.post(f"/v1/phones/{phone_id}/verifications", moment)
    code = _code_for(clients[WORLD], phone.replace(" ", ""))
    identity.post(
        f"/v1/phones/{phone_id}/confirmations", {"code": code, "person_id": person_id, **moment}
    )
    consent = {"purpose": "marketing", "channel": "sms", "text_version": "2024-01", **moment}
    identity.post(f"/v1/persons/{person_id}/consents", consent)
    _enrol(identity, person_id, account_id, moment)
    return str(person_id)


def _enrol(identity: Client, person_id: str, account_id: str, moment: Mapping[str, Any]) -> None:
    body = {"programme": PROGRAMME, "from_account": account_id, **moment}
    try:
        identity.post(f"/v1/persons/{person_id}/memberships", body)
    except Refused as refusal:
        if refusal.code != "already_enrolled":  # the process may have been faster
            raise


def _code_for(world: Client, phone: str) -> str:
    deadline = time.monotonic() + SMS_SECONDS
    while time.monotonic() < deadline:
        for message in reversed(world.get("/sms/messages", to=phone)):
            found = _CODE.search(message["text"])
            if found:
                return found[0]
        time.sleep(0.01)
    raise NoMessage(f"no code reached the phone within {SMS_SECONDS:.0f} s")


def reply_to_chats(listening: Client, chats: list[Chat], persona: str) -> None:
    """Answer a week's support chats; how long each waited, or whether for ever, is drawn."""

    def reply(chat: Chat) -> None:
        minutes = waits(chat.number)
        if minutes is not None:
            at = chat.at + timedelta(minutes=minutes)
            body = {"text": ANSWER, "persona_id": persona, "occurred_at": at.isoformat()}
            listening.post(f"/v1/cases/{chat.case_id}/replies", body)

    at_once(reply, chats)
    chats.clear()


def waits(number: int) -> int | None:
    """Return the minutes that a chat waits: mostly within the promise, some late, some never.

    >>> [waits(n) for n in (0, 3, 8, 9)]
    [1, 4, 90, None]
    """
    tenth = number % 10
    if tenth == 9:  # noqa: PLR2004  # one in ten is never answered
        return None
    return 90 if tenth == 8 else 1 + tenth % 5  # noqa: PLR2004  # one in ten is late


def fulfil_orders(commerce: Client) -> int:
    """Ship and deliver every order that is paid; return how many."""
    return len(at_once(partial(_fulfil, commerce), _confirmed(commerce)))


def _fulfil(commerce: Client, order: Mapping[str, Any]) -> None:
    placed = datetime.fromisoformat(order["placed_at"])
    path = f"/v1/orders/{order['order_id']}/fulfilment"
    parcel = {"carrier": "HK Post", "no": order["order_id"][:12]}
    commerce.post(f"{path}/ship", {**parcel, "occurred_at": (placed + SHIPPED_AFTER).isoformat()})
    commerce.post(f"{path}/deliver", {"occurred_at": (placed + DELIVERED_AFTER).isoformat()})


def _confirmed(commerce: Client) -> Any:
    query: dict[str, Any] = {"status": "confirmed", "limit": 200}
    while True:
        page = commerce.get("/v1/orders", **query)
        yield from page["orders"]
        if not page["next"]:
            return
        query["cursor"] = page["next"]
