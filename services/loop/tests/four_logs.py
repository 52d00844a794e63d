"""Four small logs, written as the services write them, and a story of one busy week."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, text

from chassis.checkpoints import define_table
from chassis.database import Database
from chassis.feed import LocalFeed
from chassis.ids import derived_id
from chassis.log import Append, Draft
from chassis.log_postgresql_schema import schema
from chassis.log_sqlite import SCHEMA_V1
from chassis.sequencer import sequence
from chassis.storage import log_on
from chassis.testing.contexts import context
from loop.upstream import SOURCES

MONDAY = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
EUR = "EUR"
PARTITION = 5
_checkpoints = define_table(MetaData())


def stamp(hours: float) -> str:
    """Return the time so many hours into the story."""
    return (MONDAY + timedelta(hours=hours)).isoformat()


def money(amount: int, currency: str = EUR) -> dict[str, Any]:
    """Return an amount as events carry it."""
    return {"amount": amount, "currency": currency}


class FourLogs:
    """A log for each of the four services, in SQLite files or in databases of a server."""

    def __init__(self, folder: Path, urls: Mapping[str, str] | None = None) -> None:
        files = {source: f"sqlite:///{folder}/{source}.db" for source in SOURCES}
        self._databases = {source: _database(url) for source, url in (urls or files).items()}
        self._versions: dict[tuple[str, str, str], int] = {}
        self.feeds = {
            source: LocalFeed(database.read, source) for source, database in self._databases.items()
        }

    def add(
        self,
        source: str,
        name: str,
        data: Mapping[str, Any],
        *,
        hours: float = 0,
        stream: str | None = None,
        tenant: str = "acme",
        version: int = 1,
    ) -> None:
        """Record one event that occurs so many hours into the story."""
        stream = stream or f"{source}-{len(self._versions)}"
        before = self._versions.get((source, tenant, stream), 0)
        at = MONDAY + timedelta(hours=hours)
        command = derived_id(source, tenant, stream, before, name)
        draft = Draft(
            type=name, schema_version=version, subjects=(), data=json.dumps(dict(data)).encode()
        )
        append = Append(stream=stream, expected_version=before, drafts=[draft])
        with self._databases[source].begin() as db:
            log_on(db).append(
                context(tenant=tenant, command_id=command, now=at), [append], recorded_at=at
            )
            if not self._databases[source].is_sqlite:
                sequence(db)
        self._versions[source, tenant, stream] = before + 1

    def head(self, source: str) -> int:
        """Return a log's last position."""
        with self._databases[source].read() as db:
            return log_on(db).head()

    def database(self, source: str) -> Database:
        """Return where a service keeps its log."""
        return self._databases[source]

    def close(self) -> None:
        """Give the files back."""
        for database in self._databases.values():
            database.close()


def _database(url: str) -> Database:
    database = Database(url)
    with database.begin() as db:
        for statement in SCHEMA_V1 if database.is_sqlite else schema(PARTITION):
            db.execute(text(statement))
        _checkpoints.create(db)
    return database


def mention(number: int, polarity: str, hours: float, *, lag: int = 1, **more: Any) -> Any:
    """Return a mention and how it was read, as (source, name, data, hours)."""
    mention_id = f"m{number}"
    detected = {
        "mention_id": mention_id,
        "brand": "b",
        "platform": "weibo",
        "kind": "post",
        "lang": "zh-Hans",
        "product_refs": more.get("products", []),
        "posted_at": stamp(hours - lag),
        "detected_at": stamp(hours),
    }
    read = {
        "mention_id": mention_id,
        "polarity": polarity,
        "intent": more.get("intent", "information"),
    }
    return [
        ("listening", "mention_detected", detected, hours),
        ("listening", "mention_classified", read, hours),
    ]


def order(name: str, person: str, hours: float, amount: int, platform: str | None) -> Any:
    """Return an order that is placed, paid and confirmed."""
    total, origin = money(amount), {"platform": platform, "mode": "page"}
    ids = {"order_id": name, "person_id": person}
    lines = [{"sku": "tea", "qty": 2, "price": money(amount // 2)}]
    placed = {**ids, "lines": lines, "total": total, "origin": origin}
    pay = {"payment_id": f"p-{name}", "order_id": name, "amount": total}
    return [
        ("commerce", "order_placed", placed, hours),
        ("commerce", "payment_initiated", pay, hours),
        ("commerce", "payment_captured", pay, hours),
        ("commerce", "order_confirmed", {**ids, "total": total, "origin": origin}, hours),
        ("commerce", "fulfilment_requested", {"order_id": name}, hours),
    ]  # fmt: skip


def story() -> list[tuple[str, str, dict[str, Any], float]]:
    """Return one week's events; every number in the tests was counted from these by hand."""
    tenant = {"tenant_id": "acme", "name": "Acme", "zone": "Asia/Shanghai", "currency": "EUR"}
    return [
        ("identity", "tenant_created", {**tenant, "country": "CN"}, 0),
        *mention(1, "positive", 1),
        *mention(2, "positive", 2, lag=2),
        *mention(3, "negative", 3, lag=4, intent="complaint", products=["tea"]),
        *mention(4, "unscored", 4),
        *_people(),
        *_cases(),
        *_campaign(),
        *order("o1", "ann", 30, 2000, "weibo"),
        *order("o2", "ben", 40, 3000, None),
        ("commerce", "order_placed", _failed_order(), 50),
        ("commerce", "payment_initiated", {"payment_id": "p3", "order_id": "o3"}, 50),
        ("commerce", "payment_failed", {"payment_id": "p3", "order_id": "o3"}, 50),
        ("commerce", "order_cancelled", {"order_id": "o3", "by": "process", "reason": "x"}, 51),
    ]


def _people() -> list[Any]:
    follows = [
        ("identity", "brand_followed", _follow(account), 5) for account in ("a1", "a2", "a3", "a4")
    ]
    persons = [
        ("identity", "person_registered", {"person_id": name, "origin": "fan"}, 6)
        for name in ("ann", "ben", "ann-again")
    ]
    merged = {"survivor": "ann", "absorbed": "ann-again", "link_id": "l1", "rule": "same_phone"}
    verified = {"phone_id": "p1", "person_id": "ann", "level": "code"}
    member = {"member_id": "m1", "person_id": "ann", "programme": "club", "from_account": "a1"}
    return [
        *follows,
        *persons,
        ("identity", "account_linked", {"account_id": "a1", "person_id": "ann"}, 6),
        ("identity", "phone_verified", verified, 7),
        ("identity", "persons_merged", merged, 8),
        ("identity", "member_enrolled", member, 9),
        ("identity", "consent_granted", {"person_id": "ann", "purpose": "marketing"}, 9),
    ]


def _follow(account: str) -> dict[str, Any]:
    return {"account_id": account, "property_id": "page", "platform": "weibo", "at": stamp(5)}


def _cases() -> list[Any]:
    def opened(name: str, due: float) -> Any:
        case = {"case_id": name, "type": "complaint", "due_at": stamp(due), "mention_id": "m3"}
        return ("listening", "case_opened", case, due - 1)

    def sent(name: str, hours: float, *, within: bool) -> Any:
        reply = {"case_id": name, "at": stamp(hours), "latency_s": 60, "within": within}
        return ("listening", "reply_sent", reply, hours)

    return [
        opened("c1", 11),
        sent("c1", 10.5, within=True),
        opened("c2", 12),
        ("listening", "sla_breached", {"case_id": "c2", "by_s": 0, "due_at": stamp(12)}, 12),
        sent("c2", 13, within=False),
        opened("c3", 14),
        sent("c3", 13.5, within=True),
        ("listening", "case_resolved", {"case_id": "c3", "outcome": "answered"}, 14),
        opened("c4", 160),
    ]


def _campaign() -> list[Any]:
    def touch(name: str, channel: str, content: str | None) -> Any:
        data = {"touch_id": name, "channel": channel, "content_id": content, "at": stamp(20)}
        return ("campaigns", "touch_recorded", data, 20)

    def session(name: str, source: str, steps: dict[str, int]) -> Any:
        data = {"session_id": name, "source": source, "device": "phone", "started_at": stamp(21)}
        return ("campaigns", "session_recorded", {**data, "steps": steps}, 21)

    published = {"content_id": "k1", "platform": "weibo", "at": stamp(16), "face": "issue"}
    spend = {"ad_id": "ad1", "channel": "weibo", "cost": money(500), "day": "2026-05-10"}
    credits_ = [{"touch_id": "t1", "channel": "weibo", "content_id": "k1", "weight": "1"}]
    return [
        ("campaigns", "content_drafted", {"content_id": "k1", "face": "issue"}, 15),
        ("campaigns", "content_approved", {"content_id": "k1", "by": "u2"}, 15.5),
        ("campaigns", "content_published", published, 16),
        touch("t1", "weibo", "k1"),
        touch("t2", "search", None),
        session("s1", "weibo", {"home": 1, "cart": 2}),
        session("s2", "weibo", {"home": 1}),
        session("s3", "direct", {"home": 1}),
        ("campaigns", "spend_recorded", spend, 140),
        ("campaigns", "conversion_attributed", {"order_id": "o1", "model": "last",
         "window_days": 30, "credits": credits_, "amount": money(2000)}, 31),
    ]  # fmt: skip


def _failed_order() -> dict[str, Any]:
    lines = [{"sku": "cup", "qty": 1, "price": money(700)}]
    origin = {"platform": "weibo", "mode": "page"}
    ids = {"order_id": "o3", "person_id": "cyd"}
    return {**ids, "lines": lines, "total": money(700), "origin": origin}


def tell(logs: FourLogs) -> FourLogs:
    """Record the whole story."""
    for source, name, data, hours in story():
        logs.add(source, name, data, hours=hours)
    return logs
